"""The process that looks at due jobs every few seconds."""

import logging
import signal
import threading
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from apps.jobs.scheduler.orchestrator import tick

INTERVAL = 2.0  # seconds
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Start due jobs, wake lost work, reset finished jobs. Runs until it is stopped; two at once do no harm."

    def handle(self, *args: Any, **options: Any) -> None:
        # Whoever looks again so soon need not wait for a broker that is away: nothing else would be looked at.
        current_app.conf.task_publish_retry_policy = {"max_retries": 1}
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.wait(INTERVAL):
            try:
                close_old_connections()
                tick()
            except (DatabaseError, InterfaceError) as error:
                logger.warning("The database did not answer; trying again in %s s: %s", INTERVAL, error)
