"""How does a whole run take place in this process? It does by itself what workers, broker and scheduler do together.

So hundreds of runs need no worker to start and no message to wait for. The tasks of the chain, the handlers, their
retries and their ends are the product's own. Only here, four constants are smaller (retries and second tries come at
once, a call waits for two pauses instead of five, a run's wait for the provider is cut short), messages are not sent,
and a step fetches one slice after the other on one database connection.
"""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Q
from django.db.models.functions import Now

from apps.jobs import tasks
from apps.jobs.execution import completion, handlers, step_runner
from apps.jobs.lifecycle import chain
from apps.jobs.models import Batch, Run
from apps.jobs.queue import batches, messages
from apps.jobs.queue.batches import LeaseLostError
from apps.progress.choices import ENDED
from apps.sources import refusals, retry_policy
from apps.sources.definition import Stage
from apps.sources.registry import definition
from tests.platform import Platform

BESIDE_CHAIN = (Stage.TRANSFORM, Stage.EMBEDDING)
MAX_WAITS = 3  # for a provider that asks for a pause again and again
MAX_ROUNDS = 60
MAX_BATCHES = 500  # claimed at once


class EndlessRunError(Exception):
    """A run neither ends nor waits; the text says where it is."""


class InlineExecutor(Executor):
    """Does everything at once in the thread that asks for it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take the arguments of a pool of threads."""

    def submit(self, do: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(do(*args, **kwargs))
        except Exception as error:  # whoever asks for the result gets it
            future.set_exception(error)
        return future


class OpenConnection:
    """The connection of this process, which stays open after a slice."""

    def close(self) -> None:
        """Leave it open."""


@contextmanager
def inline_runs() -> Iterator[None]:
    """Meanwhile the waits of this process are short, and no messages are sent: nobody would receive them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_runner, "ThreadPoolExecutor", InlineExecutor)
        patch.setattr(step_runner, "connection", OpenConnection())
        patch.setattr(retry_policy, "backoff", lambda *_, **__: 0.0)
        patch.setattr(retry_policy, "MAX_PAUSES", 2)
        patch.setattr(refusals, "SECOND_TRY_AFTER", 0.0)
        patch.setattr(tasks, "BACK_OFF", timedelta())
        patch.setattr(messages, "send", lambda _message: True)
        yield


class InlinePlatform(Platform):
    """A platform without workers: this process does their work."""

    def ended(self, run: Run, seconds: float = 0) -> Run:
        """Do all the work of a run."""
        return drive(run)


def drive(run: Run, max_waits: int = MAX_WAITS) -> Run:
    """Do all the work of a run, until it has ended or has waited ``max_waits`` times for its provider's pauses."""
    waits = 0
    for _ in range(MAX_ROUNDS):
        run.refresh_from_db()
        if run.state in ENDED:
            return run
        if run.not_before is not None:
            is_pause = "asks for a pause" in run.waiting_for
            if is_pause and waits == max_waits:
                return run
            waits += is_pause
            Run.across_tenants.filter(pk=run.pk).update(not_before=Now())
        _do_next(run)
    raise EndlessRunError(f"Run {run.pk} of {run.job.name} has no end ({run.state}): {run.waiting_for}")


def _do_next(run: Run) -> None:
    """A time slice of the next step of the chain, then everything beside the chain, then the end if it is reached."""
    step = chain.next_step(run, chain.finished_steps(run))
    if step:
        stage = definition(run.job.job_type).step(step).stages[0]
        tasks.run_step.apply(kwargs={"run_id": str(run.pk), "step": step, "stage": stage.value, "epoch": run.epoch})
        if chain.next_step(run, chain.finished_steps(run)):
            return
    beside_chain = Q(run=run, stage__in=BESIDE_CHAIN)
    try:
        while claimed := batches.claim(uuid4(), beside_chain, MAX_BATCHES):
            for batch in claimed:
                _do_batch(batch)
    except LeaseLostError:
        return  # the run has failed
    completion.close_stages(run)
    tasks.complete_run.apply(kwargs={"run_id": str(run.pk)})


def _do_batch(batch: Batch) -> None:
    try:
        handlers.finish(batch, handlers.prepare(batch))
    except LeaseLostError:
        raise
    except Exception as error:
        tasks.retry_or_fail_batch(batch, error)
