"""What are Celery's signals used for? They are hints to compute the bar again; nothing depends on them.

A killed worker sends no signal, some signals come twice, and the next step may start before the signal that the
previous step succeeded. So signals only mark a stage as running and refresh the bar from the counters. The tasks
themselves commit everything that must not be lost.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from celery import signals
from django.db import DatabaseError, close_old_connections

from apps.progress.services import ensure_begun, refresh

logger = logging.getLogger(__name__)

Handler = Callable[[UUID, str, str], None]

# The stages that have begun, as far as this process knows, each with the epoch of its run.
_begun: set[tuple[UUID, str, str, int]] = set()
MAX_BEGUN = 1000


def _call(kwargs: dict[str, Any] | None, handler: Handler) -> None:
    """Call ``handler(run, step, stage)`` for a task of a run. Other tasks have no progress."""
    if not kwargs or not {"run_id", "step", "stage"} <= kwargs.keys():
        return
    try:
        # In the worker's main process a connection may have died long ago, and no other code closes it.
        close_old_connections()
        handler(UUID(kwargs["run_id"]), kwargs["step"], kwargs["stage"])
    except DatabaseError as error:
        logger.warning("A signal of run %s could not be stored: %s", kwargs["run_id"], error)


def begins(request: Any, run_id: UUID, step: str, stage: str, epoch: int) -> None:
    """A woken task has claimed its batch. Later signals about this ``request`` are about that batch."""
    request.about = {"run_id": str(run_id), "step": step, "stage": stage}
    _works(run_id, step, stage, epoch)


def _works(run: UUID, step: str, stage: str, epoch: int) -> None:
    """Mark a stage as running. Each process asks the database once per epoch: only a new epoch undoes a begin."""
    key = (run, step, stage, epoch)
    if key not in _begun and ensure_begun(run, step, stage):
        if len(_begun) == MAX_BEGUN:
            _begun.clear()
        _begun.add(key)


def _about(request: Any) -> dict[str, Any] | None:
    return getattr(request, "about", None)


def _moved(run: UUID, step: str, stage: str) -> None:
    refresh(run)


@signals.task_prerun.connect
def on_prerun(kwargs: dict[str, Any] | None = None, **_: Any) -> None:
    """A worker begins."""
    _call(kwargs, lambda run, step, stage: _works(run, step, stage, (kwargs or {}).get("epoch", 0)))


@signals.task_success.connect
def on_success(sender: Any = None, **_: Any) -> None:
    """A batch beside the chain is done; a step of the chain stores its end itself."""
    _call(_about(sender.request), _moved)


@signals.task_retry.connect
def on_retry(request: Any = None, reason: Any = None, **_: Any) -> None:
    """A task will be tried again."""
    _call(_about(request), lambda run, step, stage: refresh(run, message=f"Trying again: {reason}"))


@signals.task_failure.connect
def on_failure(sender: Any = None, kwargs: dict[str, Any] | None = None, **_: Any) -> None:
    """A task has failed; the task itself stores why."""
    _call(_about(sender.request) or kwargs, lambda run, step, stage: refresh(run, is_state_change=True))


@signals.task_revoked.connect
def on_revoked(request: Any = None, **_: Any) -> None:
    """A task was stopped by force."""
    _call(request.kwargs, lambda run, step, stage: refresh(run, is_state_change=True))
