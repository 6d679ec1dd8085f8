"""The loaded tables and the bulk loader."""
