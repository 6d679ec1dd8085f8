"""Where is the progress of the tasks of the stage table stored, and what moves it during a long stage?"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from apps.progress.compat.smooth import expected_fraction
from apps.progress.compat.stages import PipelineStage, ProgressInfo, ProgressTracker
from apps.progress.models import TaskProgress
from apps.sources.text import clean
from apps.tenants.models import Tenant

# A new message alone is stored at most four times a second; every other change is always stored.
MIN_MESSAGE_INTERVAL = timedelta(milliseconds=250)
SECONDS_BETWEEN_MOVES = 0.5


class TaskStore:
    """Implements :class:`apps.progress.compat.stages.ProgressStore` with the tasks of one tenant."""

    def __init__(self, tenant: Tenant | int) -> None:
        self._tenant_id = tenant if isinstance(tenant, int) else tenant.pk

    def get(self, task_id: str) -> ProgressInfo | None:
        """What is stored for a task of the tenant; ``None`` for an unknown one."""
        row = TaskProgress.objects.for_tenant(self._tenant_id).filter(task_id=clean(task_id)).first()
        return _info(row) if row else None

    def update(self, task_id: str, change: Callable[[ProgressInfo | None], ProgressInfo]) -> ProgressInfo:
        """Replace what is stored while the row is locked; returns what is stored then."""
        task_id = clean(task_id)
        max_length = TaskProgress._meta.get_field("task_id").max_length
        if max_length and len(task_id) > max_length:
            raise ValueError(f"task_id must have at most {max_length} characters, not {len(task_id)}.")
        with transaction.atomic():
            first = change(None)
            row, created = (
                TaskProgress.objects.for_tenant(self._tenant_id)
                .select_for_update()
                .get_or_create(task_id=task_id, defaults={"tenant_id": self._tenant_id, **_columns(first)})
            )
            if created:
                return first
            before = _info(row)
            after = change(before)
            is_only_message = replace(after, message=before.message) == before
            if is_only_message and (after == before or timezone.now() - row.updated_at < MIN_MESSAGE_INTERVAL):
                return before
            for name, value in _columns(after).items():
                setattr(row, name, value)
            row.save()
        return after


def _columns(info: ProgressInfo) -> dict[str, object]:
    return {
        "status": info.status.value,
        "progress": info.progress,
        "message": clean(info.message),
        "estimate": info.estimate,
    }


def _info(row: TaskProgress) -> ProgressInfo:
    return ProgressInfo(PipelineStage(row.status), row.progress, row.message, row.estimate)


def tracker_of(tenant: Tenant | int) -> ProgressTracker:
    """The tracker of a tenant's tasks."""
    return ProgressTracker(TaskStore(tenant))


@contextmanager
def move_smoothly(
    tracker: ProgressTracker, task_id: str, stage: PipelineStage, expected_seconds: float, message: str = ""
) -> Iterator[None]:
    """Enter ``stage`` and move it smoothly while the block runs: as an estimate, and never to its end."""
    expected_fraction(0.0, expected_seconds)
    tracker.update_progress(task_id, stage, message)
    begin, ended = time.monotonic(), threading.Event()

    def move() -> None:
        try:
            while not ended.wait(SECONDS_BETWEEN_MOVES):
                fraction = expected_fraction(time.monotonic() - begin, expected_seconds)
                tracker.update_progress_incremental(task_id, stage, fraction, message, estimate=True)
        finally:
            connection.close()

    mover = threading.Thread(target=move, name=f"progress of {task_id}", daemon=True)
    mover.start()
    try:
        yield
    finally:
        ended.set()
        mover.join()
