"""How does a task learn that its worker is told to stop? Through a flag that the worker's processes share.

Celery tells only the worker's main process. The flag is made before the pool is forked, so that every child sees it: a
step then hands over at its next batch instead of being killed and waited for.
"""

from typing import Any

from billiard import Event
from celery.signals import worker_shutting_down

_stopping = Event()


def is_worker_stopping() -> bool:
    """Whether this worker is about to end."""
    return bool(_stopping.is_set())


@worker_shutting_down.connect
def _tell_children(**_: Any) -> None:
    _stopping.set()
