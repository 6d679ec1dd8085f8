"""How does Django know this app?"""

from django.apps import AppConfig


class WarehouseConfig(AppConfig):
    """The loaded tables, their loader and the views over them."""

    name = "apps.warehouse"
    default_auto_field = "django.db.models.BigAutoField"
