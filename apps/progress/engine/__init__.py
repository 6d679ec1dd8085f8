"""Pure arithmetic of progress: no Django, no clock, no network."""
