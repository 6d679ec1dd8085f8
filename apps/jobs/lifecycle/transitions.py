"""Which transitions of a job are there? All of them are here; each is atomic and recorded.

READY → PENDING → RUNNING → FINISHED → READY
RUNNING ⇄ PAUSED · RUNNING, PENDING → FAILED → PENDING · RUNNING, PAUSED, PENDING → STOPPING → READY
"""

from dataclasses import dataclass

from django.db.models.functions import Now

from apps.jobs import run_log
from apps.jobs.models import Job, Run, StateChange
from apps.progress import services as progress
from apps.progress.choices import ENDED, JobState, RunState


@dataclass(frozen=True)
class Transition:
    """One transition: from which states, to which, and the run's state where it differs from the job's."""

    sources: frozenset[JobState]
    target: JobState
    run_state: RunState | None = None


TRANSITIONS: dict[str, Transition] = {
    "start": Transition(frozenset({JobState.READY, JobState.FAILED}), JobState.PENDING),
    "retry": Transition(frozenset({JobState.FAILED}), JobState.PENDING),
    "admit": Transition(frozenset({JobState.PENDING}), JobState.RUNNING),
    "pause": Transition(frozenset({JobState.RUNNING}), JobState.PAUSED),
    "resume": Transition(frozenset({JobState.PAUSED}), JobState.RUNNING),
    "finish": Transition(frozenset({JobState.RUNNING}), JobState.FINISHED),
    "fail": Transition(frozenset({JobState.RUNNING, JobState.PENDING}), JobState.FAILED),
    "stop": Transition(frozenset({JobState.RUNNING, JobState.PAUSED, JobState.PENDING}), JobState.STOPPING),
    "cancel": Transition(frozenset({JobState.STOPPING}), JobState.READY, RunState.CANCELLED),
    "reset": Transition(frozenset({JobState.FINISHED}), JobState.READY, RunState.FINISHED),
}

# The transitions that a person may ask for.
CONTROLS = ("start", "pause", "resume", "retry", "stop", "reset")

SYSTEM = "system"
BY_HAND = "Asked for by hand."


class WrongStateError(Exception):
    """The job's state does not allow an action; the sentence says which ones are possible now."""


def possible(state: str) -> list[str]:
    """The controls that are possible in ``state``."""
    return [action for action in CONTROLS if state in TRANSITIONS[action].sources]


def refusal(job: Job, action: str) -> str:
    """Why ``action`` is refused, and what is possible instead."""
    options = possible(job.state)
    hint = f"Possible now: {', '.join(options)}." if options else "Nothing is possible now; it ends by itself."
    return f"Job {job.name!r} is {job.get_state_display().lower()}: it cannot {action}. {hint}"


def lock(job_id: int) -> Job:
    """The job, locked for the rest of the transaction: every transition begins here.

    Code that needs several locks takes them in this order: tenant, job, batches, run, the run's progress, its stages.
    Otherwise it must not wait for a lock.
    """
    return Job.across_tenants.select_for_update(no_key=True).get(pk=job_id)


def is_allowed(job: Job, action: str, run: Run) -> bool:
    """Whether the state allows ``action`` for this run; an older run cannot change its job's state."""
    return job.state in TRANSITIONS[action].sources and (action == "start" or run.state == job.state)


def transition(
    job: Job,
    action: str,
    run: Run,
    *,
    actor: str,
    reason: str = "",
    message: str = "",
    error: str = "",
    waiting: str = "",
) -> None:
    """Take ``action`` on a job that the caller has locked; raises :class:`WrongStateError`, and then changes nothing.

    The job, the run, the history and the progress change in one transaction; the pages are informed after it.
    ``reason`` goes into the history; ``waiting`` says why nothing moves in the new state.
    """
    if not is_allowed(job, action, run):
        raise WrongStateError(refusal(job, action))
    arrow = TRANSITIONS[action]
    before, job.state, job.error = job.state, arrow.target, error
    job.save(update_fields=["state", "error"])
    run.state = arrow.run_state or RunState(arrow.target)
    run.error = error or run.error
    if run.state in ENDED and run.finished_at is None:
        Run.across_tenants.filter(pk=run.pk).update(finished_at=Now())
    run.save(update_fields=["state", "error"])
    StateChange.objects.create(
        job=job, run=run, action=action, before=before, after=job.state, actor=actor, reason=reason or BY_HAND
    )
    message = message or job.get_state_display()
    progress.overall(
        run.pk,
        job.state,
        message=message,
        error=error,
        waiting=waiting,
        ended=error or reason or BY_HAND,
        new_attempt=action == "retry",
    )
    run_log.transition(run, action, actor=actor, reason=reason, message=message, error=error)
