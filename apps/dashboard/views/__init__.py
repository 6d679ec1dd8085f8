"""What does each page show? Thin: the right to see it is checked, a selector is asked, a template drawn."""
