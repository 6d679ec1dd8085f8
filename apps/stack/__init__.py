"""How does the product run on one machine with Python packages alone? One supervisor runs embedded services."""
