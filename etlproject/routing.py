"""Which WebSocket addresses are there?"""

from django.urls import path

from apps.progress.consumers import JobsConsumer

websocket_urlpatterns = [path("ws/jobs/", JobsConsumer.as_asgi())]
