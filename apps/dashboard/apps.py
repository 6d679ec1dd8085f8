"""How does Django know this app?"""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Dashboard."""

    name = "apps.dashboard"
    verbose_name = "Dashboard"
