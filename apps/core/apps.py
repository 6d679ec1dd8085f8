"""How does Django know this app?"""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Core."""

    name = "apps.core"
    verbose_name = "Core"
