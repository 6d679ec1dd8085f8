"""When is a stage complete, and when is a run? When no batch of it is outstanding in the queue.

Any process may ask at any time, also several at the same time.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apps.integrations.models import Integration
from apps.jobs import run_log
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.execution import holes, skips
from apps.jobs.execution.context import integration_of
from apps.jobs.execution.skips import ShownSkip
from apps.jobs.lifecycle import transitions
from apps.jobs.models import Batch, Job, Run, Watermark
from apps.jobs.proof import counting
from apps.jobs.proof import lines as proof
from apps.jobs.proof.lines import ProofLine
from apps.jobs.queue import batches, messages
from apps.jobs.queue.covers import scopes_of
from apps.mappings.services import create_defaults
from apps.progress import services as progress
from apps.progress.choices import STAGE_DONE, STAGE_OPEN, RunState, StageState
from apps.progress.selectors import stage_states
from apps.raw.selectors import count_quarantined_by
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.warehouse.loader import refresh_statistics
from apps.warehouse.orphans import bury_commits
from apps.warehouse.selectors import present_names

ALL_DONE = "Every stage is finished and nothing is outstanding."
READS_ALL_THAT_CHANGED = frozenset({RunMode.INCREMENTAL, RunMode.FULL})


@dataclass(frozen=True)
class Findings:
    """What a run that ends has found out: proof, number of quarantined records, what the provider did not give.

    ``unasked`` is the number of holes that wait for the next run.
    """

    lines: list[ProofLine]
    quarantined: int
    missing: list[ShownSkip]
    unasked: int

    @property
    def outcome(self) -> Outcome:
        """The outcome of the run."""
        if self.quarantined:
            return Outcome.WITH_QUARANTINE
        is_incomplete = self.missing or self.unasked or any(line.differs for line in self.lines)
        return Outcome.INCOMPLETE if is_incomplete else Outcome.COMPLETE

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        parts = ["Finished"]
        if self.quarantined:
            parts.append(f"{self.quarantined:,} records set aside")
        if self.missing:
            scopes = sorted({skip.scope for skip in self.missing} - {""})
            parts.append(f"incomplete in {', '.join(scopes)}" if scopes else f"incomplete: {self.missing[0].reason}")
        if self.unasked:
            parts.append(f"incomplete: the next run asks for {self.unasked:,} more of what is missing")
        if wrong := proof.summary(self.lines):
            parts.append(f"incomplete: {wrong}")
        return ", ".join(parts)

    @property
    def unread(self) -> set[str] | None:
        """The projects or repositories whose changes the next run must ask for again; ``None`` for all of them.

        What is remembered is asked for by itself.
        """
        unread = {skip.scope for skip in self.missing if not skip.is_remembered} | proof.unread(self.lines)
        return None if "" in unread else unread


def finish_first_stage(run: Run, step: str, stage: str) -> None:
    """Finish the first stage of a step after its last batch, or skip the whole step if it had no batch."""
    if Batch.across_tenants.filter(run=run, step=step, stage=stage).exists():
        if progress.mark(run.pk, [(step, stage)], StageState.FINISHED):
            run_log.closed(run.pk, [(step, stage)])
    else:
        stages = definition(run.job.job_type).step(step).stages
        progress.mark(run.pk, [(step, skipped) for skipped in stages], StageState.SKIPPED)
    close_stages(run, has_changed=True)


def close_stages(run: Run, *, has_changed: bool = False) -> None:
    """Close every stage whose predecessor is done and that has nothing outstanding; then ask for completion.

    A stage that received no batch is skipped. Every other stage is finished. ``has_changed`` says that the caller has
    closed a stage: then the pages are informed in any case.

    Read the states first, then the queue. A stage is closed only after the batches that it added are committed. So a
    process that sees a closed stage also sees those batches. If several processes look at the same time, the last one
    finds everything.
    """
    states = stage_states(run.pk)
    outstanding = set(batches.outstanding(run).values_list("step", "stage").distinct())
    closed: dict[tuple[str, str], StageState] = {}
    for step in definition(run.job.job_type).steps:
        for before, stage in pairwise(step.stages):
            cell = (step.key, stage.value)
            is_open = states[cell] in STAGE_OPEN and cell not in outstanding
            if is_open and states[step.key, before.value] in STAGE_DONE:
                # The stage stops being IDLE in the transaction that adds its first batch.
                states[cell] = closed[cell] = (
                    StageState.SKIPPED if states[cell] == StageState.IDLE else StageState.FINISHED
                )
    # One by one: several processes may look at the same time, and each logs only the stages that it closed.
    marked = [cell for cell, state in closed.items() if progress.mark(run.pk, [cell], state)]
    run_log.closed(run.pk, marked)
    if marked or has_changed:
        progress.refresh(run.pk, is_state_change=True)
    if all(state in STAGE_DONE for state in states.values()):
        messages.check_completion(run)


def is_complete(run: Run) -> bool:
    """Whether every stage is done and no batch is outstanding."""
    return all(state in STAGE_DONE for state in stage_states(run.pk).values()) and not batches.outstanding(run).exists()


def complete(run: Run) -> bool:
    """Finish a running run that is complete; says whether it did. It is safe to call this at any time and twice.

    1. Do nothing if the run is not running, a stage is open or a batch is outstanding.
    2. Tidy what was loaded: create default mappings, mark commits without a pull request as deleted, and refresh the
       statistics of the database after the first run.
    3. Count the records and texts, and compute the proof.
    4. In one transaction: forget the holes that this run has filled, store counts, proof and outcome, move the
       watermarks, note the job's times, finish.
    """
    if run.state != RunState.RUNNING or not is_complete(run):
        return False
    if run.integration is not None:
        create_defaults(tenant=run.tenant, integration=run.integration)
        bury_commits(run.integration.pk)
    if run.integration is not None and run.job.last_sync_date is None:
        refresh_statistics()
    counts = counting.counts_of(run)
    lines = counting.prove(run, counts)
    quarantined = count_quarantined_by(run.pk)
    with transaction.atomic():
        job = transitions.lock(run.job_id)
        run = Run.across_tenants.select_related("job").get(pk=run.pk)
        if run.state != RunState.RUNNING:
            return False
        holes.close(run)
        missing = [skip for skip in skips.decode(run) if skip.is_missing]
        findings = Findings(lines, quarantined, missing, holes.unasked(run))
        run.counts, run.proof, run.outcome = counts, proof.encode(lines), findings.outcome
        run.save(update_fields=["counts", "proof", "outcome"])
        unread = findings.unread
        if unread is not None:
            _advance_watermarks(run, unread)
        if run.clock_offset is not None:
            Integration.across_tenants.filter(pk=integration_of(run)).update(clock_offset=run.clock_offset)
        _note_times(run, is_swept=unread is not None and not unread)
        message = findings.sentence
        transitions.transition(job, "finish", run, actor=transitions.SYSTEM, reason=ALL_DONE, message=message)
    return True


def _note_times(run: Run, *, is_swept: bool) -> None:
    """Store with the job when this run ended, from when on changes are unknown, and when everything was listed."""
    times: dict[str, Any] = {"last_run_finished_at": Now(), "retries_used": 0}
    if run.mode in READS_ALL_THAT_CHANGED:
        times["last_sync_date"] = run.started_at
    is_first = run.mode == RunMode.INCREMENTAL and run.job.last_sync_date is None
    if is_swept and (run.sweep or run.mode == RunMode.FULL or is_first) and not run.scopes:
        times["last_sweep_at"] = run.started_at
    Job.across_tenants.filter(pk=run.job_id).update(**times)


def _advance_watermarks(run: Run, unread: set[str]) -> None:
    """Mark what was read in full as known up to the *start* of the run: the next run need not ask for it again.

    The start is a time of the provider's clock, because the provider compares it with its own times. A slice may name
    a project or repository by a former name: the mark gets the present one.
    """
    if run.integration is None or run.started_at is None or run.mode not in READS_ALL_THAT_CHANGED:
        return
    synced_at = run.started_at + timedelta(seconds=run.clock_offset or 0)
    read = scopes_of(Batch.across_tenants.filter(run=run, stage=Stage.EXTRACTION))
    names = present_names(run.integration, read | unread)
    Watermark.across_tenants.bulk_create(
        (
            Watermark(tenant_id=run.tenant_id, integration=run.integration, scope=scope, synced_at=synced_at)
            for scope in {names[scope] for scope in read} - {names[scope] for scope in unread}
        ),
        update_conflicts=True,
        unique_fields=["integration", "scope"],
        update_fields=["synced_at"],
    )
