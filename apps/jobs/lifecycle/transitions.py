"""Which transitions of a job are there? All of them are here; each is atomic and recorded.

READY → PENDING → RUNNING → FINISHED → READY
RUNNING ⇄ PAUSED · RUNNING, PENDING → FAILED → PENDING · RUNNING, PAUSED, PENDING → STOPPING → READY
"""

from dataclasses import dataclass

from django.db.models.functions import Now

from apps.jobs import run_log
from apps.jobs.models import Job, Run, StateChange
from apps.progress import services as progress
from apps.progress.choices import ENDED, JobState, LogLevel, RunState


@dataclass(frozen=True)
class Transition:
    """One transition of a job: the states that it starts from, and its target state.

    ``run_state`` is set only if the run gets another state than the job. ``past`` is the word of the history. ``level``
    is the level of the log line. A person can ask for a transition that ``is_control``.
    """

    from_states: frozenset[JobState]
    target: JobState
    past: str
    is_control: bool = False
    level: LogLevel = LogLevel.INFO
    run_state: RunState | None = None


TRANSITIONS: dict[str, Transition] = {
    "start": Transition(frozenset({JobState.READY, JobState.FAILED}), JobState.PENDING, "Requested", is_control=True),
    "retry": Transition(frozenset({JobState.FAILED}), JobState.PENDING, "Retry requested", is_control=True),
    "admit": Transition(frozenset({JobState.PENDING}), JobState.RUNNING, "Started"),
    "pause": Transition(frozenset({JobState.RUNNING}), JobState.PAUSED, "Paused", is_control=True),
    "resume": Transition(frozenset({JobState.PAUSED}), JobState.RUNNING, "Resumed", is_control=True),
    "finish": Transition(frozenset({JobState.RUNNING}), JobState.FINISHED, "Finished"),
    "fail": Transition(
        frozenset({JobState.RUNNING, JobState.PENDING}), JobState.FAILED, "Failed", level=LogLevel.ERROR
    ),
    "stop": Transition(
        frozenset({JobState.RUNNING, JobState.PAUSED, JobState.PENDING}),
        JobState.STOPPING,
        "Stop requested",
        is_control=True,
        level=LogLevel.WARNING,
    ),
    "cancel": Transition(
        frozenset({JobState.STOPPING}),
        JobState.READY,
        "Cancelled",
        level=LogLevel.WARNING,
        run_state=RunState.CANCELLED,
    ),
    "reset": Transition(
        frozenset({JobState.FINISHED}), JobState.READY, "Reset", is_control=True, run_state=RunState.FINISHED
    ),
}
# The action of a history row that records changed settings; it is no transition.
SETTINGS_CHANGED = "schedule"

SYSTEM = "system"
MANUAL = "Requested manually."


class WrongStateError(Exception):
    """The job's state does not allow an action; the sentence says which ones are possible now."""


def possible(state: str) -> list[str]:
    """The controls that are possible in ``state``."""
    return [name for name, row in TRANSITIONS.items() if row.is_control and state in row.from_states]


def past_words(action: str) -> str:
    """The words of the history for a recorded action."""
    return "Settings changed" if action == SETTINGS_CHANGED else TRANSITIONS[action].past


def refusal(job: Job, action: str) -> str:
    """Why ``action`` is refused, and what is possible instead."""
    options = possible(job.state)
    hint = f"Possible now: {', '.join(options)}." if options else "Nothing is possible now; it ends by itself."
    return f"Job {job.name!r} is {job.get_state_display().lower()}: it cannot {action}. {hint}"


def lock(job_id: int) -> Job:
    """The job, locked for the rest of the transaction: every transition begins here.

    Code that needs several locks takes them in this order: tenant, job, batches, run, the run's progress, its stages.
    In any other order it must not wait for a lock.
    """
    return Job.across_tenants.select_for_update(no_key=True).get(pk=job_id)


def is_allowed(job: Job, action: str, run: Run) -> bool:
    """Whether the state allows ``action`` for this run; an older run cannot change its job's state."""
    return job.state in TRANSITIONS[action].from_states and (action == "start" or run.state == job.state)


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
    ``reason`` goes into the history. ``waiting`` says why the run does not go on in the new state.
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
        job=job, run=run, action=action, before=before, after=job.state, actor=actor, reason=reason or MANUAL
    )
    message = message or job.get_state_display()
    progress.set_job_state(
        run.pk,
        job.state,
        message=message,
        error=error,
        waiting=waiting,
        ended=error or reason or MANUAL,
        is_new_attempt=action == "retry",
    )
    if action != "reset":  # a reset changes only the job
        run_log.write(run, _log_text(run, action, actor, message, error or reason), level=arrow.level)


def _log_text(run: Run, action: str, actor: str, message: str, why: str) -> str:
    """``Paused by bob: lunch``; ``Started. A place is free …`` for what the system does."""
    if actor == SYSTEM:
        what = message if action == "finish" else TRANSITIONS[action].past
        return f"{what}. {why}"
    what = f"Attempt {run.attempt + 1} requested" if action == "retry" else TRANSITIONS[action].past
    return f"{what} by {actor}: {why}" if why else f"{what} by {actor}"
