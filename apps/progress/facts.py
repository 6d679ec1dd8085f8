"""How does the card of a run show what only the app jobs knows? Jobs registers a function here, and progress calls it.

Progress lies below jobs and cannot import it. It asks once for all runs that it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from apps.core.choices import Tone
from apps.progress.choices import RunState
from apps.progress.models import RunProgress


class Sign(msgspec.Struct, frozen=True):
    """A state as the pages draw it: an icon of the sprite, a tone and a word."""

    icon: str
    tone: Tone
    word: str


class LastChange(msgspec.Struct, frozen=True):
    """Who asked for the state that the run has now, when and why; ``reason`` can be empty."""

    actor: str
    at: datetime
    reason: str = ""


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What jobs knows about one run, in the state that the row of progress has.

    ``controls`` are the names of the controls that the state allows, for any role; ``main_control`` is the one that a
    person most likely wants. ``outcome`` is the sign of a finished run. ``workers`` is how many workers hold a lease
    now. ``lost_since`` is when a worker that gives no sign of life last renewed its lease. ``open_batches`` have waited
    for a worker since ``since``. ``next_run`` is empty for a job that runs only by hand.
    """

    run_state: RunState | None = None
    outcome: Sign | None = None
    ended_at: datetime | None = None
    last_change: LastChange | None = None
    controls: tuple[str, ...] = ()
    main_control: str = ""
    waits_until: datetime | None = None
    workers: int = 0
    lost_since: datetime | None = None
    open_batches: int = 0
    since: datetime | None = None
    next_run: datetime | None = None


Source = Callable[[Sequence[RunProgress]], Mapping[UUID, RunFacts]]

UNKNOWN = RunFacts(workers=1)
_sources: list[Source] = []


def register_facts(source: Source) -> None:
    """Register the function that knows more about runs."""
    _sources[:] = [source]


def facts_of(rows: Sequence[RunProgress]) -> dict[UUID, RunFacts]:
    """What is known about each of these runs. Of an unknown run we assume that one worker works on it."""
    known = _sources[0](rows) if _sources and rows else {}
    return {row.run: known.get(row.run, UNKNOWN) for row in rows}
