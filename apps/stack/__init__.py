"""How does the product run on one machine with Python packages alone? Embedded services, one supervisor."""
