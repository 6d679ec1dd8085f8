"""How does Django know this app?"""

from django.apps import AppConfig


class MappingsConfig(AppConfig):
    """Mappings."""

    name = "apps.mappings"
    verbose_name = "Mappings"
