"""Where does the time go? This process works off the batches of a full run one by one, under cProfile."""

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from io import StringIO
from time import perf_counter, process_time
from typing import Any, TypeVar
from uuid import uuid4

from django.db import connection
from django.db.models import Q

from apps.jobs.choices import RunMode
from apps.jobs.execution import completion, handlers
from apps.jobs.models import Run
from apps.jobs.queue import batches
from apps.sources.definition import Stage
from apps.sources.registry import definition
from tests.platform import Platform

T = TypeVar("T")

MAX_LINES = 30
MAX_STATEMENT_CHARS = 110  # statements that begin alike are counted as one


class Profile:
    """Wall seconds, CPU seconds and calls of one stage, and what cProfile says about it."""

    def __init__(self) -> None:
        self.statements: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
        self.profiler = cProfile.Profile()
        self.wall_s = self.cpu_s = 0.0
        self.batches = 0

    def head(self, title: str) -> str:
        """The totals as one line."""
        return f"{title}: {self.batches} batches, {self.wall_s:.2f} s, {self.cpu_s:.2f} s CPU of this process"

    def execute(self, execute: Callable[..., Any], query: Any, *rest: Any) -> Any:
        """Django's hook around a statement: count it and its seconds. COPY and COMMIT do not pass through it."""
        began = perf_counter()
        try:
            return execute(query, *rest)
        finally:
            entry = self.statements[" ".join(str(query).split())[:MAX_STATEMENT_CHARS]]
            entry[0] += 1
            entry[1] += perf_counter() - began

    def slowest(self) -> str:
        """The statements that took longest: how often each ran, and its seconds altogether."""
        ordered = sorted(self.statements.items(), key=lambda entry: -entry[1][1])[:MAX_LINES]
        return "\n".join(f"{count:6.0f} {seconds:8.3f} s  {query}" for query, (count, seconds) in ordered)

    def report(self, title: str, order: str) -> str:
        """The most expensive functions in the given order (``tottime`` or ``cumulative``)."""
        text = StringIO()
        stats = pstats.Stats(self.profiler, stream=text)
        stats.strip_dirs().sort_stats(order).print_stats(MAX_LINES)
        return f"{self.head(title)}, by {order}\n{text.getvalue()}"


def profile(platform: Platform, job: str, *, traced: bool) -> dict[str, Profile]:
    """Do all batches of a full run in this process; one profile for preparing and one for writing, per stage.

    No worker is needed: nobody reads the messages that are sent. With ``traced``, cProfile shows which functions take
    the time; it makes all of them slower.
    """
    run = platform.start(job, RunMode.FULL)
    profiles: dict[str, Profile] = defaultdict(Profile)
    for step in definition(job).steps:
        batches.add(run, handlers.plan(run, step.key))
        _drain(run, Q(run=run, step=step.key), profiles, traced=traced)
        completion.finish_first_stage(run, step.key, step.stages[0])
    completion.complete(run)
    return profiles


def _drain(run: Run, mine: Q, profiles: dict[str, Profile], *, traced: bool) -> None:
    """Work off the stages of a step in order: the batches of one stage create those of the next."""
    owner = uuid4()
    for stage in Stage:
        while claimed := batches.claim(owner, mine & Q(stage=stage), 1):
            write = _timed(profiles[f"{stage} prepare"], partial(handlers.prepare, claimed[0]), traced=traced)
            _timed(profiles[f"{stage} write"], partial(handlers.finish, claimed[0], write), traced=traced)


def _timed(profile: Profile, call: Callable[[], T], *, traced: bool) -> T:
    profile.batches += 1
    wall, cpu = perf_counter(), process_time()
    try:
        if not traced:
            with connection.execute_wrapper(profile.execute):
                return call()
        return profile.profiler.runcall(call)
    finally:
        profile.wall_s += perf_counter() - wall
        profile.cpu_s += process_time() - cpu
