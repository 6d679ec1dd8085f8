"""How does Django know this app?"""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Tenants and users."""

    name = "apps.tenants"
    verbose_name = "Tenants and users"
