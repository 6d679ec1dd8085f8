"""Which WebSocket addresses are there?"""

from typing import Any

from django.urls import path

from apps.progress.consumers import JobsConsumer

# Django's types know HTTP views only.
_jobs: Any = JobsConsumer.as_asgi()
websocket_urlpatterns: list[Any] = [path("ws/jobs/", _jobs)]
