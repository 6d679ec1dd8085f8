"""How does Django know this app?"""

from django.apps import AppConfig


class ProgressConfig(AppConfig):
    """The visible state of runs; listens to Celery's signals."""

    name = "apps.progress"
    verbose_name = "Progress"

    def ready(self) -> None:
        """Connect the signal handlers."""
        from apps.progress import signals  # noqa: F401
