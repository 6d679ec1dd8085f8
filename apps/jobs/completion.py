"""When is a stage, when is a run complete? When the ledger says so, whoever looks and however often."""

from itertools import pairwise

from django.db import transaction
from django.db.models.functions import Now

from apps.jobs import ledger, machine, wake
from apps.jobs.choices import Outcome, RunMode, RunState
from apps.jobs.counts import counts_of, set_aside_by
from apps.jobs.models import Job, QueueItem, Run, Watermark
from apps.mappings.services import create_defaults
from apps.progress import services as progress
from apps.progress.choices import STAGE_DONE, STAGE_OPEN, StageState
from apps.progress.selectors import stage_states
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.warehouse.loader import refresh_statistics


def finish_driven_stage(run: Run, step: str, stage: str) -> None:
    """The step task has closed its last batch: its stage is finished, or the whole step skipped where it had none."""
    if QueueItem.across_tenants.filter(run=run, step=step, stage=stage).exists():
        progress.mark(run.pk, [(step, stage)], StageState.FINISHED)
    else:
        stages = definition(run.job.job_type).step(step).stages
        progress.mark(run.pk, [(step, one) for one in stages], StageState.SKIPPED)
    close_stages(run, changed=True)


def close_stages(run: Run, *, changed: bool = False) -> None:
    """Finish every stage whose predecessor is finished and that has nothing outstanding; then ask for completion.

    ``changed`` says that the caller has finished a stage: the pages are told in any case then.

    The states are read before the ledger: a stage is only marked once all of its follow-ups are committed, so whoever
    sees the mark sees the follow-ups too. Of several processes that look at once, the last one finds everything.
    """
    states = stage_states(run.pk)
    outstanding = set(ledger.outstanding(run).values_list("step", "stage").distinct())
    closed: list[tuple[str, str]] = []
    for step in definition(run.job.job_type).steps:
        for before, stage in pairwise(step.stages):
            cell = (step.key, stage.value)
            is_open = states[cell] in STAGE_OPEN and cell not in outstanding
            if is_open and states[step.key, before.value] in STAGE_DONE:
                states[cell] = StageState.FINISHED
                closed.append(cell)
    if progress.mark(run.pk, closed, StageState.FINISHED) or changed:
        progress.refresh(run.pk, status=True)
    if all(state in STAGE_DONE for state in states.values()):
        wake.finish(run)


def is_complete(run: Run) -> bool:
    """Every stage done and nothing outstanding in the ledger."""
    return all(state in STAGE_DONE for state in stage_states(run.pk).values()) and not ledger.outstanding(run).exists()


def complete(run: Run) -> bool:
    """Finish a running run that is complete; safe to call at any time and twice."""
    if run.state != RunState.RUNNING or not is_complete(run):
        return False
    if run.integration is not None:
        create_defaults(tenant=run.tenant, integration=run.integration)
    if run.integration is not None and run.job.last_sync_date is None:
        refresh_statistics()
    counts = counts_of(run)
    quarantined = set_aside_by(run)
    with transaction.atomic():
        job = machine.lock(run.job_id)
        run = Run.across_tenants.select_related("job").get(pk=run.pk)
        if run.state != RunState.RUNNING:
            return False
        run.counts = counts
        run.outcome = _outcome(run, quarantined)
        run.save(update_fields=["counts", "outcome"])
        _advance_watermarks(run)
        Job.across_tenants.filter(pk=job.pk).update(
            last_run_finished_at=Now(), last_sync_date=run.started_at, retries_used=0
        )
        machine.transition(job, "finish", run, actor=machine.SYSTEM, message=_sentence(quarantined, run))
    return True


def _outcome(run: Run, quarantined: int) -> Outcome:
    if quarantined:
        return Outcome.WITH_QUARANTINE
    return Outcome.INCOMPLETE if _missing(run) else Outcome.COMPLETE


def _sentence(quarantined: int, run: Run) -> str:
    parts = ["Finished"]
    if quarantined:
        parts.append(f"{quarantined:,} records set aside")
    if missing := _missing(run):
        parts.append(f"incomplete in {', '.join(sorted(missing))}")
    return ", ".join(parts)


def _missing(run: Run) -> set[str]:
    """The projects or repositories of which something is missing; a skip that names none is no loss of data."""
    return {skip["scope"] for skip in run.skips} - {""}


def _advance_watermarks(run: Run) -> None:
    """What was extracted need not be asked for again: as of the *start* of the run, and only what was not skipped."""
    if run.integration is None or run.started_at is None or run.mode == RunMode.RANGE:
        return
    scopes = QueueItem.across_tenants.filter(run=run, stage=Stage.EXTRACTION).values_list("covers__scope", flat=True)
    Watermark.across_tenants.bulk_create(
        (
            Watermark(tenant_id=run.tenant_id, integration=run.integration, scope=scope, synced_at=run.started_at)
            for scope in set(scopes.distinct()) - _missing(run) - {"", None}
        ),
        update_conflicts=True,
        unique_fields=["integration", "scope"],
        update_fields=["synced_at"],
    )
