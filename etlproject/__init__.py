"""The project: settings, Celery, ASGI and URLs. The product is in ``apps``."""

from etlproject.celery import app as celery_app

__all__ = ["celery_app"]
