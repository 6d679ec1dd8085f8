"""The product's Celery application with one more source: the one line."""

from apps.sources.registry import SOURCES
from etlproject.celery import app
from tests.tiny import Tiny

SOURCES["tiny"] = Tiny()

__all__ = ["app"]
