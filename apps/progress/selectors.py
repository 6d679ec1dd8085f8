"""What is the visible state of the runs, as messages?"""

import logging
from collections.abc import Collection, Sequence
from uuid import UUID

from apps.progress import rows
from apps.progress.events import RunMessage, run_messages
from apps.progress.models import RunProgress, StageProgress
from apps.progress.rows import StoredState

logger = logging.getLogger(__name__)


def live_runs(tenant_id: int) -> list[RunMessage]:
    """The newest run of every job of the tenant, as snapshots."""
    return _snapshots(rows.current_states(tenant_id))


def live_run(job_id: int) -> RunMessage | None:
    """The newest run of a job, as a snapshot."""
    return next(iter(_snapshots(rows.current_state(job_id))), None)


def run_of_tenant(tenant_id: int, run_id: UUID) -> RunMessage | None:
    """One run as a snapshot; ``None`` when this tenant has no such run."""
    return next(iter(_snapshots(rows.state_of_tenant(tenant_id, run_id))), None)


def runs_by_id(runs: Collection[str]) -> list[RunMessage]:
    """These runs of any tenant, as snapshots; a run that cannot be shown is left out; the others are still returned."""
    states = rows.states_by_id([UUID(run) for run in runs])
    try:
        return _snapshots(states)
    except KeyError:
        return [message for state in states for message in _if_possible(state)]


def current_numbers(tenant_ids: Collection[int]) -> list[tuple[int, str, int]]:
    """Tenant, id and ``seq`` of the newest run of every job of these tenants."""
    found = RunProgress.across_tenants.filter(tenant__in=tenant_ids, current=True)
    return [(tenant_id, str(run), seq) for tenant_id, run, seq in found.values_list("tenant_id", "run", "seq")]


def stage_states(run_id: UUID) -> dict[tuple[str, str], str]:
    """The state of every stage of a run, by step and stage."""
    cells = StageProgress.objects.filter(run_id=run_id).values_list("step", "stage", "state")
    return {(step, stage): state for step, stage, state in cells}


def _snapshots(states: Sequence[StoredState]) -> list[RunMessage]:
    return run_messages("snapshot", [(state.row, state.stages) for state in states])


def _if_possible(state: StoredState) -> list[RunMessage]:
    try:
        return _snapshots([state])
    except KeyError:
        logger.exception("Run %s cannot be shown: it does not fit the definition of its job.", state.row.run)
        return []
