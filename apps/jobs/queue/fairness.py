"""Whose turn is it? The tenant that this worker has served least recently, then its run, then the run's oldest batch.

A worker that is woken does not take the batch that it was woken for: messages stand in line in the order of their
sending, and a tenant with many or huge runs would keep all others waiting. As every message is worth one batch of its
stage, whosoever, nothing is left over.
"""

from datetime import timedelta
from functools import reduce
from itertools import count
from operator import or_
from uuid import UUID, uuid4

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.jobs.models import QueueItem, Run
from apps.jobs.queue import batches
from apps.progress.choices import STAGE_OPEN, RunState
from apps.progress.models import StageProgress
from apps.sources.registry import definitions

# A worker that is free takes a message sooner.
UNHEARD = timedelta(seconds=1)
# When this process has last served a tenant or a run; only of those that have waited since.
_served: dict[int | UUID, int] = {}
_clock = count(1)


def take(stage: str, task: str) -> QueueItem | None:
    """Claim the next batch of a stage that works beside the chain; ``None`` when there is none."""
    steps = _steps_beside(stage)
    for run, tenant, job_type in _in_turn(stage, steps):
        claimed = batches.claim(uuid4(), Q(run=run, stage=stage, step__in=steps[job_type]), 1, task=task)
        if claimed:
            _served[tenant] = _served[run] = next(_clock)
            return claimed[0]
    return None


def others_wait(run: Run, stage: str) -> bool:
    """Whether a run of another tenant, with the same stage to do in its chain, finds no worker."""
    undone = StageProgress.objects.filter(run_id=OuterRef("pk"), stage=stage, state__in=STAGE_OPEN)
    waiting = Run.across_tenants.filter(Exists(undone), state=RunState.RUNNING, driver=None, not_before=None)
    return waiting.filter(dispatched_at__lt=Now() - UNHEARD).exclude(tenant=run.tenant_id).exists()


def _steps_beside(stage: str) -> dict[str, list[str]]:
    """By job type the steps that have ``stage``, and not as their first one: that is the chain's own business."""
    return {
        job_type: [step.key for step in job.steps if stage in step.stages[1:]]
        for job_type, job in definitions().items()
    }


def _in_turn(stage: str, steps: dict[str, list[str]]) -> list[tuple[UUID, int, str]]:
    free = QueueItem.across_tenants.filter(batches.free(), run=OuterRef("pk"), stage=stage)
    waits = reduce(
        or_, (Q(job__job_type=job_type) & Q(Exists(free.filter(step__in=keys))) for job_type, keys in steps.items())
    )
    runs = Run.across_tenants.filter(waits, state=RunState.RUNNING).order_by("created_at")
    found = list(runs.values_list("pk", "tenant", "job__job_type"))
    waiting = {key for run, tenant, _ in found for key in (run, tenant)}
    for key in _served.keys() - waiting:
        del _served[key]
    return sorted(found, key=lambda row: (_served.get(row[1], 0), _served.get(row[0], 0)))
