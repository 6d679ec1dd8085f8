"""What does a fault work with? The testbed, the run that it disturbs, its random numbers and the timeline."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from apps.jobs.choices import RunMode
from apps.jobs.models import Job, Run
from apps.progress.choices import ENDED
from apps.progress.models import RunProgress
from tests.platform import Platform
from tests.recorder import Recorder
from tools.chaos.testbed import Testbed

T = TypeVar("T")
POLL = 0.03  # seconds


class TooLateError(Exception):
    """Something did not happen within its time limit; the text says what."""


class Timeline:
    """What happened when, in seconds since the start of the run."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def note(self, text: str) -> None:
        """Add an event of now."""
        self.lines.append(f"{self.seconds:7.2f} s  {text}")


class PersistentRecorder(Recorder):
    """A recorder that connects again after the server was away, as pages do."""

    def _listen(self) -> None:
        while not self._done.is_set():
            with suppress(RedisError, DatabaseError, OSError):
                super()._listen()
            time.sleep(POLL)


@dataclass
class Scenario:
    """One run and what a fault may do to it. ``requests`` is how many requests an undisturbed run makes."""

    testbed: Testbed
    platform: Platform
    job_name: str
    mode: RunMode
    run: Run
    chance: random.Random
    requests: int
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def job(self) -> Job:
        """The job as it is now."""
        return self.platform.job(self.job_name)

    def note(self, text: str) -> None:
        """Add an event to the timeline."""
        self.timeline.note(text)

    def percent(self) -> float:
        """The progress of the run; 0 while the database does not answer."""
        row = answered(lambda: RunProgress.across_tenants.filter(pk=self.run.pk).values_list("percent", flat=True)[0])
        return row or 0.0

    def has_ended(self) -> bool:
        """Whether the run has ended."""
        state = answered(lambda: Run.across_tenants.values_list("state", flat=True).get(pk=self.run.pk))
        return state in ENDED

    def reach(self, low: float, high: float) -> None:
        """Wait until the bar reaches a random point, or until the run ends; then wait a random moment."""
        point, moment = self.chance.uniform(low, high), self.chance.uniform(0, 0.4)
        self.until(lambda: self.percent() >= point or self.has_ended(), f"{point:.0f} percent", 60)
        time.sleep(moment)
        self.note(f"{self.percent():.1f} percent (asked for {point:.1f} and {moment:.2f} s)")

    def reach_request(self) -> None:
        """Wait until the provider has answered a random number of requests, or until the run ends."""
        wanted = int(self.chance.uniform(0, 0.8) * self.requests)
        sandbox = self.platform.sandbox
        self.until(lambda: sandbox.served() >= wanted or self.has_ended(), f"request {wanted}", 60)
        self.note(f"{sandbox.served()} requests (asked for {wanted} of {self.requests}), {self.percent():.1f} percent")

    def until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for ``condition``; raises :class:`TooLateError`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TooLateError(f"Waited {seconds:.0f} s in vain for {what}.")
            time.sleep(POLL)


def answered(question: Callable[[], T]) -> T | None:
    """The answer of the database; ``None`` while it is away."""
    try:
        return question()
    except (DatabaseError, InterfaceError):
        connection.close()
        return None
