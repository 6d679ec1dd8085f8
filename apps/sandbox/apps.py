"""Under which name does Django know the sandbox?"""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The sample servers; no models, only the command `sandbox`."""

    name = "apps.sandbox"
