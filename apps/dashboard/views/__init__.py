"""What does each page show? A view checks the user's role, calls a selector and renders a template."""
