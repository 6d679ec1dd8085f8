"""How does Django know this app?"""

from django.apps import AppConfig


class RawConfig(AppConfig):
    """Raw records."""

    name = "apps.raw"
    verbose_name = "Raw records"
