"""How does a task know that its worker must stop? By a flag that the worker's processes share.

Celery informs only the worker's main process. The flag is made before the pool is forked, so every child sees it. A
step then stops at its next batch, so no process has to wait for it or kill it.
"""

from typing import Any

from billiard import Event
from celery.signals import worker_shutting_down

_stopping = Event()


def is_worker_stopping() -> bool:
    """Whether this worker is about to end."""
    return bool(_stopping.is_set())


@worker_shutting_down.connect
def _inform_children(**_: Any) -> None:
    _stopping.set()
