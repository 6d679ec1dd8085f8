"""How is a message sent? With patience where nobody waits; whoever sends a message to wake somebody can lose it."""

import logging
from typing import Any

from celery import Signature, current_app, current_task
from kombu.exceptions import KombuError

logger = logging.getLogger(__name__)

# How long a request, a command or the scheduler tries to reach the broker: some two seconds, because somebody waits.
# A task has nothing better to do, and keeps on trying as long as the settings say.
PATIENCE = {"max_retries": 3, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 1}


def send(message: Signature[Any]) -> bool:
    """Publish; says whether the broker has taken it. What it has not the scheduler sends again."""
    policy = current_app.conf.task_publish_retry_policy if current_task else PATIENCE
    try:
        message.apply_async(retry_policy=policy)
    except (KombuError, OSError) as error:
        logger.warning("The broker cannot be reached, the scheduler will send it again: %s", error)
        return False
    return True
