"""How is a message sent to the broker?

A task retries for a long time, because no person waits for it. A request, a command or the scheduler gives up soon. A
lost message does no harm: it only wakes workers, and the scheduler sends it again.
"""

import logging
from typing import Any

from celery import Signature, current_app, current_task
from kombu.exceptions import KombuError

logger = logging.getLogger(__name__)

# A request, a command and the scheduler try for about two seconds. A task retries as the settings say.
SHORT_RETRY_POLICY = {"max_retries": 3, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 1}


def send(message: Signature[Any]) -> bool:
    """Publish the message and return whether the broker accepted it. If not, the scheduler sends it again."""
    policy = current_app.conf.task_publish_retry_policy if current_task else SHORT_RETRY_POLICY
    try:
        message.apply_async(retry_policy=policy)
    except (KombuError, OSError) as error:
        logger.warning("The broker cannot be reached. The scheduler will send the message again: %s", error)
        return False
    return True
