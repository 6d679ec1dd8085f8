"""How does a worker keep its batches, however slow the work is? One thread of its process renews all their leases.

The thread begins with the first batch and lives as long as the process. Between two renewals it holds no database
connection.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from uuid import UUID

from django.db import Error, connection

from apps.jobs.queue import batches
from apps.jobs.queue.batches import HEARTBEAT_SECONDS

logger = logging.getLogger(__name__)

# The owners in this process that work on batches beside the chain. The chain's step runner renews its own leases.
_owners: set[UUID] = set()
_lock = Lock()
_thread: Thread | None = None


@contextmanager
def keep_alive(owner: UUID) -> Iterator[None]:
    """Renew the leases of everything that ``owner`` holds while the block runs."""
    global _thread
    with _lock:
        _owners.add(owner)
        # A forked process inherits no thread.
        if _thread is None or not _thread.is_alive():
            _thread = Thread(target=_beat, name="heartbeat", daemon=True)
            _thread.start()
    try:
        yield
    finally:
        with _lock:
            _owners.discard(owner)


def _beat() -> None:
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        with _lock:
            owners = set(_owners)
        if owners:
            _renew(owners)


def _renew(owners: set[UUID]) -> None:
    try:
        batches.renew(owners)
    except Error as error:
        logger.warning("The leases of this worker could not be renewed; the next try follows soon: %s", error)
    finally:
        connection.close()
