"""How does a run get a progress step that its definition does not have? It takes its share from what is left to do."""

import math
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from apps.progress.engine.bar import shown_fractions
from apps.progress.engine.shares import Share, check_weight
from apps.progress.models import StageProgress
from apps.progress.plan import cells_of, shares_of, steps_of, stored_shares
from apps.progress.stored import row_of, store
from apps.sources.definition import Stage
from apps.sources.registry import definition


def discover(run_id: UUID, key: str, title: str, stage: Stage, *, weight: float = 1.0) -> None:
    """Add a progress step to a running run; safe to repeat.

    Its counter is (``key``, ``stage``). The caller counts and marks it like any other.
    """
    with transaction.atomic():
        row = row_of(run_id).select_for_update(no_key=True).get()
        if any(step["key"] == key for step in row.discovered):
            return
        cells = cells_of(StageProgress.objects.filter(run_id=run_id))
        steps = steps_of(row)
        fractions = shown_fractions(steps, cells)
        position = len(definition(row.job_type).steps) + len(row.discovered)
        StageProgress.objects.create(run=row, step=key, stage=stage, position=position)
        changes = {
            "shares": stored_shares(with_discovered(shares_of(row), fractions, weight)),
            "discovered": [
                *row.discovered,
                {"key": key, "title": title, "stage": stage.value, "weight": weight},
            ],
            "total_steps": len(steps) + 1,
        }
        store(run_id, "job_status", changes)


def with_discovered(shares: Sequence[Share], fractions: Sequence[float | None], weight: float = 1.0) -> list[Share]:
    """The shares of a plan and of one more step, which takes its share from what is left to do.

    The bar stays where it is. The new step weighs as much as ``weight`` steps that have not begun.
    """
    check_weight(weight)
    done = [min(max(fraction or 0.0, share.begin), 1.0) for share, fraction in zip(shares, fractions, strict=True)]
    filled = [share.filled(fraction) for share, fraction in zip(shares, done, strict=True)]
    work_left = math.fsum(1.0 - fraction for fraction in done)
    part_left = work_left / (work_left + weight)
    changed = [
        Share((share.size - earned) * part_left, earned, fraction)
        for share, earned, fraction in zip(shares, filled, done, strict=True)
    ]
    return [*changed, Share(1.0 - math.fsum(share.size for share in changed))]
