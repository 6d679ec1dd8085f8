"""What does a fault get to see and to do? The lane, the run that it disturbs, its own chance and the timeline."""

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
from tools.chaos.stand import Stand

T = TypeVar("T")
POLL = 0.03  # seconds


class TooLate(Exception):
    """Something did not happen within its stated time; the text says what."""


class Timeline:
    """What happened when, in seconds since the start of the run."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def note(self, text: str) -> None:
        """Something has happened now."""
        self.lines.append(f"{self.seconds:7.2f} s  {text}")


class Ear(Recorder):
    """A recorder that listens again after the server was away: pages do so, too."""

    def _listen(self) -> None:
        while not self._done.is_set():
            with suppress(RedisError, OSError):
                super()._listen()
            time.sleep(POLL)


@dataclass
class Scene:
    """One run and what a fault may do to it; ``requests`` is how many an undisturbed run makes at the provider."""

    stand: Stand
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
        """Into the timeline."""
        self.timeline.note(text)

    def percent(self) -> float:
        """How far the run is; 0 while the database does not answer."""
        row = answered(lambda: RunProgress.across_tenants.filter(pk=self.run.pk).values_list("percent", flat=True)[0])
        return row or 0.0

    def has_ended(self) -> bool:
        """Whether the run has come to an end."""
        state = answered(lambda: Run.across_tenants.values_list("state", flat=True).get(pk=self.run.pk))
        return state in ENDED

    def reach(self, low: float, high: float) -> None:
        """Wait for the instant: a point of the bar, by chance, and a moment more. A run that ends is early enough."""
        point, moment = self.chance.uniform(low, high), self.chance.uniform(0, 0.4)
        self.until(lambda: self.percent() >= point or self.has_ended(), f"{point:.0f} percent", 60)
        time.sleep(moment)
        self.note(f"{self.percent():.1f} percent (asked for {point:.1f} and {moment:.2f} s)")

    def reach_request(self) -> None:
        """Wait for another kind of instant: one of the requests at the provider, by chance."""
        wanted = int(self.chance.uniform(0, 0.8) * self.requests)
        sandbox = self.platform.sandbox
        self.until(lambda: sandbox.served() >= wanted or self.has_ended(), f"request {wanted}", 60)
        self.note(f"{sandbox.served()} requests (asked for {wanted} of {self.requests}), {self.percent():.1f} percent")

    def until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for ``condition``; raises :class:`TooLate`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TooLate(f"Waited {seconds:.0f} s in vain for {what}.")
            time.sleep(POLL)


def answered(question: Callable[[], T]) -> T | None:
    """The answer of the database, ``None`` while it is away."""
    try:
        return question()
    except (DatabaseError, InterfaceError):
        connection.close()
        return None
