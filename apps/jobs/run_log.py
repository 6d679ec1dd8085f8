"""What does a run's log say about each event? One function per event, called in the transaction of the event.

Fetched slices share lines: a :class:`Journal` sums up what a process has fetched and writes it at most twice a second.
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
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.sources.text import first_of
from apps.warehouse.models import MODELS

FLUSH_SECONDS = 0.5
MAX_NAMES = 3  # projects, repositories or records that a line names


def write(run: Run, text: str, *, level: LogLevel = LogLevel.INFO, step: str = "", stage: str = "") -> None:
    """One line; a line about a step begins with the title of the step."""
    text = f"{_title(run.job.job_type, step)}: {text}" if step else text
    log.write(run.pk, text, level=level, step=step, stage=stage)


def warn(run: Run, text: str, step: str = "", stage: str = "") -> None:
    """One line about a wait, a retry or a takeover: no record is lost, but it takes time."""
    write(run, text, level=LogLevel.WARNING, step=step, stage=stage)


def planned(run: Run, step: str, stage: str, batches: int, size: int) -> None:
    """A stage of a step starts."""
    with_what = _count(batches, "batch", "batches") + (f" ({_count(size, 'record', 'records')})" if size else "")
    write(run, f"{stage} started with {with_what}." if batches else "there is nothing to do.", step=step, stage=stage)


def closed(run_id: UUID, cells: Iterable[tuple[str, str]]) -> None:
    """Stages have ended: their counts and seconds."""
    wanted = set(cells)
    if not wanted:
        return
    rows = StageProgress.objects.filter(run_id=run_id, step__in={step for step, _ in wanted}).select_related("run")
    log.write_all(run_id, [_ending(row) for row in rows if (row.step, row.stage) in wanted])


def _ending(row: StageProgress) -> NewLine:
    noun = "text" if row.stage == Stage.EMBEDDING else "record"
    what = f": {_count(row.done, noun, f'{noun}s')}" if row.done else ", nothing to do"
    if row.done and row.started_at and row.finished_at:
        what += f" in {(row.finished_at - row.started_at).total_seconds():,.1f} s"
    if row.failed:
        what += f", {row.failed:,} of them set aside"
    text = f"{_title(row.run.job_type, row.step)}: {row.stage} {row.get_state_display().lower()}{what}."
    return NewLine(text, LogLevel.WARNING if row.failed else LogLevel.INFO, row.step, row.stage)


def skipped(batch: Batch, skips: Sequence[Skip]) -> None:
    """What the provider did not give."""
    texts = [f"Skipped {skip.scope}: {skip.reason}" if skip.scope else skip.reason for skip in skips]
    log.write_all(batch.run_id, [NewLine(text, LogLevel.WARNING, batch.step, batch.stage) for text in texts])


def set_aside(batch: Batch, failures: Sequence[Failure]) -> None:
    """Records that could not be used: how many, which ones, and why the first of them."""
    ids = first_of([failure.external_id for failure in failures], MAX_NAMES)
    first = failures[0]
    what = _count(len(failures), "record", "records")
    warn(batch.run, f"{what} set aside ({first.entity} {ids}): {first.error}", batch.step, batch.stage)


def odd_values(batch: Batch, fields: Counter[str], external_ids: Sequence[str]) -> None:
    """Values that could not be read and are left out: in which fields, how often, in which records."""
    what = _count(fields.total(), "value that cannot be read was", "values that cannot be read were")
    names = first_of([f"{field} ({number:,})" for field, number in fields.most_common()], MAX_NAMES)
    warn(batch.run, f"{what} left out: {names}. Records: {first_of(external_ids, MAX_NAMES)}", batch.step, batch.stage)


def lost(run: Run, step: str, stage: str) -> None:
    """A worker has lost a run. If the run is still running, another worker has taken it over."""
    if Run.across_tenants.filter(pk=run.pk, state=RunState.RUNNING).exists():
        warn(run, "another worker has taken over.", step, stage)


def note_retry(batch: Batch, error: Exception) -> None:
    """A batch has failed and will be tried again."""
    warn(
        batch.run,
        f"attempt {batch.attempts} of a batch failed, another follows: {describe(error)}",
        batch.step,
        batch.stage,
    )


@dataclass(frozen=True)
class Tally:
    """What one slice has fetched: records per entity, and their projects or repositories.

    ``is_too_much``: the provider refused it; smaller slices follow in its place.
    """

    entities: Counter[str]
    scopes: list[str]
    requests: list[str]
    to_follow: int
    is_too_much: bool


def tally(slice_: Slice, fetched: Fetched) -> Tally:
    """The tally of a slice, without its payloads."""
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

    def __init__(self, run_id: UUID, job_type: str) -> None:
        self._run_id, self._job_type = run_id, job_type
        self._lock = Lock()
        self._clear()
        self._written = 0.0

    def _clear(self) -> None:
        self._step = ""
        self._entities: Counter[str] = Counter()
        self._scopes: dict[str, None] = {}
        self._requests: dict[str, None] = {}
        self._slices = self._to_follow = 0
        self._notes: list[NewLine] = []

    def fetched(self, step: str, slice_: Tally) -> None:
        """One slice is stored."""
        if slice_.is_too_much:
            much = f" of {first_of(slice_.scopes, MAX_NAMES)}" if slice_.scopes else ""
            self.note(f"The provider could not return so much{much} at once. The next requests ask for less.")
            return
        with self._lock:
            self._step = step
            self._slices += 1
            self._to_follow += slice_.to_follow
            self._entities.update(slice_.entities)
            self._scopes.update(dict.fromkeys(slice_.scopes))
            self._requests.update(dict.fromkeys(slice_.requests))

    def note(self, text: str) -> None:
        """Add a warning about a request."""
        with self._lock:
            self._notes.append(NewLine(text, LogLevel.WARNING))

    def flush(self, *, is_last: bool = False) -> None:
        """Write lines about everything that was fetched since the last ones, unless those are too recent."""
        if not is_last and time.monotonic() - self._written < FLUSH_SECONDS:
            return
        if lines := self.take():
            self._written = time.monotonic()
            log.write_all(self._run_id, lines)

    def take(self) -> list[NewLine]:
        """The lines about everything since the last call."""
        with self._lock:
            lines = [*self._notes, *self._sum()]
            self._clear()
        return lines

    def _sum(self) -> list[NewLine]:
        if not self._slices:
            return []
        where = first_of(list(self._scopes), MAX_NAMES)
        if self._entities:
            records = ", ".join(_records(entity, number) for entity, number in self._entities.most_common())
            how = (
                f"({next(iter(self._requests))})"
                if len(self._requests) == 1
                else f"in {_count(self._slices, 'part', 'parts')}"
            )
            what = f"fetched {records}" + (f" from {where}" if where else "") + f" {how}"
        elif self._to_follow:
            what = f"found {_count(self._to_follow, 'more part', 'more parts')} to fetch"
            what += f" from {where}" if where else ""
        else:
            what = "found nothing new" + (f" in {where}" if where else "")
        return [NewLine(f"{_title(self._job_type, self._step)}: {what}", LogLevel.INFO, self._step, Stage.EXTRACTION)]


@lru_cache(maxsize=8)
def _journal(run_id: UUID, job_type: str) -> Journal:
    return Journal(run_id, job_type)


def journal_of(run: Run) -> Journal:
    """The journal of this process for a run."""
    return _journal(run.pk, run.job.job_type)


def _title(job_type: str, step: str) -> str:
    """The title of a step; its key if the step is of another version of the software."""
    return next((one.title for one in definition(job_type).steps if one.key == step), step)


def _brief(request: str) -> str:
    """``GET /rest/api/3/status``: a request without its host and its query."""
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
