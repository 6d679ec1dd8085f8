"""Which tenant does a worker serve next? The one that it served least recently; of that tenant's runs likewise.

A worker does not take the batch that it was woken for: messages are delivered in the order in which they were sent, so
a tenant with many or huge runs would keep all others waiting. Each message makes one worker take one batch of the
stage, so no batch is left over.
"""

from datetime import timedelta
from functools import reduce
from itertools import count
from operator import or_
from uuid import UUID, uuid4

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches
from apps.progress.choices import STAGE_OPEN, RunState
from apps.progress.models import StageProgress
from apps.sources.registry import definitions

# A worker that is idle takes a message sooner than this.
MAX_IDLE_WAIT = timedelta(seconds=1)
# When this process last served a tenant or a run. Only tenants and runs that still have work are in it.
_served: dict[int | UUID, int] = {}
_clock = count(1)


def claim_next(stage: str, task: str) -> Batch | None:
    """Claim the next batch of a stage beside the chain; ``None`` when there is none."""
    steps = _steps_beside_chain(stage)
    for run, tenant, job_type in _least_recently_served(stage, steps):
        claimed = batches.claim(uuid4(), Q(run=run, stage=stage, step__in=steps[job_type]), 1, task=task)
        if claimed:
            _served[tenant] = _served[run] = next(_clock)
            return claimed[0]
    return None


def must_make_room(run: Run, stage: str) -> bool:
    """Whether a run of another tenant waits for a worker, with the same stage to do in its chain."""
    undone = StageProgress.objects.filter(run_id=OuterRef("pk"), stage=stage, state__in=STAGE_OPEN)
    waiting = Run.across_tenants.filter(Exists(undone), state=RunState.RUNNING, driver=None, not_before=None)
    return waiting.filter(dispatched_at__lt=Now() - MAX_IDLE_WAIT).exclude(tenant=run.tenant_id).exists()


def _steps_beside_chain(stage: str) -> dict[str, list[str]]:
    """The steps that have ``stage``, by job type; not those that begin with it, because that stage is the chain's."""
    return {
        job_type: [step.key for step in job.steps if stage in step.stages[1:]]
        for job_type, job in definitions().items()
    }


def _least_recently_served(stage: str, steps: dict[str, list[str]]) -> list[tuple[UUID, int, str]]:
    """The runs that have a claimable batch: (run, tenant, job type), in the order in which they are served."""
    claimable = Batch.across_tenants.filter(batches.claimable(), run=OuterRef("pk"), stage=stage)
    has_work = reduce(
        or_,
        (Q(job__job_type=job_type) & Q(Exists(claimable.filter(step__in=keys))) for job_type, keys in steps.items()),
    )
    runs = Run.across_tenants.filter(has_work, state=RunState.RUNNING).order_by("created_at")
    found = list(runs.values_list("pk", "tenant", "job__job_type"))
    waiting = {key for run, tenant, _ in found for key in (run, tenant)}
    for key in _served.keys() - waiting:
        del _served[key]
    return sorted(found, key=lambda row: (_served.get(row[1], 0), _served.get(row[0], 0)))
