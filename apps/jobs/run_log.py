"""What does a run's log say about each event? One function per event, called in the transaction that makes it true.

Extraction is told together, not slice by slice: a :class:`Journal` sums up what a process has fetched and writes it
down at most twice a second.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from urllib.parse import urlsplit
from uuid import UUID

from apps.jobs.models import Batch, Run
from apps.progress import log
from apps.progress.choices import LogLevel, RunState
from apps.progress.log import NewLine
from apps.progress.models import StageProgress
from apps.raw.services import Failure, describe
from apps.sources.base import Fetched, Skip, Slice
from apps.sources.registry import definition
from apps.warehouse.models import MODELS

FLUSH_SECONDS = 0.5
NAMED = 3  # projects, repositories or records that a line names

DEEDS = {
    "start": "Asked for by {actor}",
    "retry": "Attempt {attempt}, asked for by {actor}: goes on where it failed",
    "admit": "Begun",
    "pause": "Paused by {actor}",
    "resume": "Resumed by {actor}",
    "fail": "Failed",
    "stop": "Stop asked for by {actor}",
    "cancel": "Stopped: what is loaded stays",
}
LEVELS = {"fail": LogLevel.ERROR, "stop": LogLevel.WARNING, "cancel": LogLevel.WARNING}


def transition(run: Run, action: str, *, actor: str, reason: str, message: str, error: str) -> None:
    """A change of the job's state; the reset afterwards is the job's business, not the run's."""
    if action == "reset":
        return
    deed = DEEDS[action].format(actor=actor, attempt=run.attempt + 1) if action in DEEDS else message
    told = ": ".join(filter(None, (deed, error or reason)))
    log.write(run.pk, told, level=LEVELS.get(action, LogLevel.INFO))


def planned(run: Run, step: str, stage: str, batches: int, size: int) -> None:
    """A step begins."""
    much = _count(batches, "batch", "batches") + (f" with {size:,} records" if size else "")
    title = definition(run.job.job_type).step(step).title
    text = f"Begins: {title}, {much} to begin with." if batches else f"{title}: nothing to do."
    log.write(run.pk, text, step=step, stage=stage)


def closed(run_id: UUID, cells: Iterable[tuple[str, str]]) -> None:
    """Stages have ended: with their counts and seconds."""
    wanted = set(cells)
    if not wanted:
        return
    rows = StageProgress.objects.filter(run_id=run_id, step__in={step for step, _ in wanted})
    log.write_all(run_id, [_ending(row) for row in rows if (row.step, row.stage) in wanted])


def _ending(row: StageProgress) -> NewLine:
    parts = [f"{row.done:,} done" if row.done else "nothing to do"]
    if row.failed:
        parts.append(f"{row.failed:,} of them set aside")
    if row.done and row.started_at and row.finished_at:
        parts.append(f"in {(row.finished_at - row.started_at).total_seconds():,.1f} s")
    level = LogLevel.WARNING if row.failed else LogLevel.INFO
    return NewLine(f"{row.get_state_display()}: {row.stage}, {', '.join(parts)}.", level, row.step, row.stage)


def skipped(batch: Batch, skips: Sequence[Skip]) -> None:
    """What the provider would not give."""
    texts = [f"Skipped {skip.scope}: {skip.reason}" if skip.scope else skip.reason for skip in skips]
    log.write_all(batch.run_id, [NewLine(text, LogLevel.WARNING, batch.step, batch.stage) for text in texts])


def set_aside(batch: Batch, failures: Sequence[Failure]) -> None:
    """Records that could not be used: how many, which ones, and why the first of them."""
    ids = _named([failure.external_id for failure in failures])
    first = failures[0]
    text = f"Set aside {len(failures):,}: {first.entity} {ids}. {first.error}"
    log.write(batch.run_id, text, level=LogLevel.WARNING, step=batch.step, stage=batch.stage)


def trouble(run_id: UUID, text: str, step: str = "", stage: str = "") -> None:
    """A wait, another try, a takeover: nothing is lost, but it takes time."""
    log.write(run_id, text, level=LogLevel.WARNING, step=step, stage=stage)


def lost(run_id: UUID, step: str, stage: str) -> None:
    """A worker has lost the run: to another one where the run goes on, else to whatever has ended or paused it."""
    if Run.across_tenants.filter(pk=run_id, state=RunState.RUNNING).exists():
        trouble(run_id, "Another worker has taken over; this one lets go.", step, stage)


def again(batch: Batch, error: Exception) -> None:
    """A batch has failed and will be tried once more."""
    text = f"Try {batch.attempts} of a batch failed, another follows: {describe(error)}"
    trouble(batch.run_id, text, batch.step, batch.stage)


@dataclass(frozen=True)
class Tally:
    """What one slice has brought: records per entity, and whose they are; ``too_much``: it will be asked in pieces."""

    entities: Counter[str]
    scopes: list[str]
    requests: list[str]
    to_follow: int
    too_much: bool


def tally(slice_: Slice, fetched: Fetched) -> Tally:
    """The tally of a slice; its payloads are not kept."""
    scopes = [slice_.scope] if slice_.scope else [record.scope for record in fetched.records]
    return Tally(
        Counter(record.entity for record in fetched.records),
        list(dict.fromkeys(filter(None, scopes))),
        list(dict.fromkeys(_brief(record.request) for record in fetched.records)),
        len(fetched.follow_ups),
        not fetched.records and {following.kind for following in fetched.follow_ups} == {slice_.kind},
    )


class Journal:
    """What one process has fetched for a run since it last wrote a line. Safe to fill from several threads."""

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id
        self._lock = Lock()
        self._forget()
        self._written = 0.0

    def _forget(self) -> None:
        self._step = ""
        self._entities: Counter[str] = Counter()
        self._scopes: dict[str, None] = {}
        self._requests: dict[str, None] = {}
        self._slices = self._to_follow = 0
        self._notes: list[NewLine] = []

    def fetched(self, step: str, slice_: Tally) -> None:
        """One slice has been stored."""
        if slice_.too_much:
            self.note(f"Too much at once for the provider: asks for less of {_named(slice_.scopes) or 'it'} at a time.")
            return
        with self._lock:
            self._step = step
            self._slices += 1
            self._to_follow += slice_.to_follow
            self._entities.update(slice_.entities)
            self._scopes.update(dict.fromkeys(slice_.scopes))
            self._requests.update(dict.fromkeys(slice_.requests))

    def note(self, text: str) -> None:
        """Something worth a warning that a request has met."""
        with self._lock:
            self._notes.append(NewLine(text, LogLevel.WARNING))

    def flush(self, *, now: bool = False) -> None:
        """Write down what has come together, unless the last time is too short ago."""
        if not now and time.monotonic() - self._written < FLUSH_SECONDS:
            return
        if lines := self.take():
            self._written = time.monotonic()
            log.write_all(self._run_id, lines)

    def take(self) -> list[NewLine]:
        """The lines that tell what has come together; it is forgotten here."""
        with self._lock:
            lines = [*self._notes, *self._sum()]
            self._forget()
        return lines

    def _sum(self) -> list[NewLine]:
        if not self._slices:
            return []
        listed = f"a list of {_count(self._to_follow, 'slice', 'slices')}" if self._to_follow else ""
        records = ", ".join(_records(entity, number) for entity, number in self._entities.most_common())
        what = records or listed or "nothing new"
        where = f" of {_named(list(self._scopes))}" if self._scopes else ""
        how = next(iter(self._requests)) if len(self._requests) == 1 else _count(self._slices, "slice", "slices")
        return [NewLine(f"Fetched {what}{where} ({how})", LogLevel.INFO, self._step, "extraction")]


@lru_cache(maxsize=8)
def journal_of(run_id: UUID) -> Journal:
    """This process's journal of a run."""
    return Journal(run_id)


def _brief(request: str) -> str:
    """``GET /rest/api/3/status`` of a call: without the host, and what is asked for in detail."""
    method, _, address = request.partition(" ")
    path = urlsplit(address.split(" ")[0]).path
    return f"{method} /{path.lstrip('/')}"


def _records(entity: str, number: int) -> str:
    model = MODELS.get(entity)
    if model is None:
        return _count(number, f"{entity.replace('_', ' ')} record", f"{entity.replace('_', ' ')} records")
    return _count(number, str(model._meta.verbose_name), str(model._meta.verbose_name_plural))


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
