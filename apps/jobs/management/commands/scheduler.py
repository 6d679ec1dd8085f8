"""How do jobs start automatically? This process starts every few seconds what is due."""

import logging
import signal
import threading
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from apps.jobs.scheduler.orchestrator import tick

SECONDS_BETWEEN_TICKS = 2.0
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Start due jobs, wake workers for lost work, reset finished jobs. It is safe to run two of them."

    def handle(self, *args: Any, **options: Any) -> None:
        # The next tick comes soon, so this process must not wait long for a broker that is away.
        current_app.conf.task_publish_retry_policy = {"max_retries": 1}
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.wait(SECONDS_BETWEEN_TICKS):
            try:
                close_old_connections()
                tick()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The database did not answer, trying again in %s s: %s", SECONDS_BETWEEN_TICKS, error)
