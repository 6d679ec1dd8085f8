"""How does Django know this app?"""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Integrations."""

    name = "apps.integrations"
    verbose_name = "Integrations"
