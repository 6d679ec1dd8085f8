"""A run in simulated time: which batches are closed when, and what does the visible state become?

Only the provider, the workers and the clock are simulated. The totals, the bar, the pace and the end are the product's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import NamedTuple
from uuid import UUID

from apps.jobs.execution.totals import counted, following
from apps.jobs.queue.covers import is_open_list
from apps.progress.card import Card, card_of
from apps.progress.choices import STAGE_DONE, JobState, StageState
from apps.progress.engine.bar import RunCounters
from apps.progress.facts import RunFacts
from apps.progress.models import RunProgress
from apps.progress.movement import moved
from apps.progress.plan import StageRow, cells_of
from apps.sources.base import Fetched, Slice, SourceRecord
from apps.sources.definition import Stage
from apps.sources.registry import definition

BEGIN = datetime(2026, 12, 1, 12, tzinfo=UTC)
TICK = 0.5  # seconds
MAX_RECORDS = 400
MAX_TEXTS = 512
MAX_SECONDS = 6 * 3600


@dataclass(frozen=True)
class StepPlan:
    """What one step of the provider has: lists that go on page by page, and the records that their slices give.

    ``pages`` are the numbers of records that the pages of each list announce; ``per_slice`` of them are fetched at
    once. ``missing`` is the share of records that the provider announces and does not give. A step that
    ``is_planned`` needs no lists: everything is announced when it begins.
    """

    pages: tuple[tuple[int, ...], ...]
    per_slice: int = 20
    raw_per_record: float = 2.0
    texts_per_raw: float = 0.5
    missing: float = 0.0
    is_planned: bool = False


@dataclass(frozen=True)
class Speed:
    """How long work takes, in seconds, and how many processors there are for transform and embedding.

    ``failures`` is the share of batches that fail and are done again; the provider asks for ``pauses`` of 40 seconds.
    """

    page: float = 1.0
    slice_: float = 4.0
    raw: float = 0.01
    text: float = 0.01
    fetchers: int = 12
    workers: int = 2
    processors: float = 2.0
    jitter: float = 0.3
    failures: float = 0.0
    pauses: tuple[float, ...] = ()


class Seen(NamedTuple):
    """What a page shows after so many seconds."""

    seconds: float
    row: RunProgress
    cells: RunCounters
    card: Card


@dataclass
class Work:
    """An open batch, with the seconds that it still takes."""

    step: str
    stage: Stage
    left: float
    size: int = 0
    slice_: Slice | None = None
    is_held: bool = False


@dataclass
class SimulatedRun:
    """A first run of a job, with one plan per step of its definition."""

    job_type: str
    plans: list[StepPlan]
    speed: Speed
    chance: Random
    now: float = 0.0
    open: list[Work] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.job = definition(self.job_type)
        self.unit = {step.key: step.unit for step in self.job.steps}
        self.plan_of = {step.key: plan for step, plan in zip(self.job.steps, self.plans, strict=True)}
        self.rows = {
            (step.key, stage): StageRow(step.key, stage.value, StageState.IDLE, 0, 0, 0, None, None)
            for step in self.job.steps
            for stage in step.stages
        }
        self.row = RunProgress(
            run=UUID(int=1), tenant_id=1, job_id=1, job_type=self.job_type, overall=JobState.RUNNING, history={}
        )
        self._begin_step(0)

    def watch(self) -> Iterator[Seen]:
        """Work to the end; gives what is shown every two seconds, as the scheduler does it, and at changes of state."""
        shown = -2.0
        while any(row.state not in STAGE_DONE for row in self.rows.values()):
            assert self.now < MAX_SECONDS, "the simulated run does not end"
            is_new_state = self._tick()
            if is_new_state or self.now >= shown + 2.0:
                shown = self.now
                yield self._refresh()

    # --- what is shown ------------------------------------------------------------------------------------------

    def _refresh(self) -> Seen:
        at = BEGIN + timedelta(seconds=self.now)
        stages = list(self.rows.values())
        for name, value in moved(self.row, stages, at).items():
            setattr(self.row, name, value)
        shown = RunProgress(**{one.attname: getattr(self.row, one.attname) for one in RunProgress._meta.fields})
        return Seen(self.now, shown, cells_of(stages), card_of(shown, stages, RunFacts(workers=1), at))

    # --- what is done -------------------------------------------------------------------------------------------

    def _tick(self) -> bool:
        self.now += TICK
        is_paused = any(begin <= self.now < begin + 40 for begin in self.speed.pauses)
        if self.row.waiting and not is_paused:
            self.row.waiting = ""
        elif is_paused and not self.row.waiting:
            self._refresh()
            self.row.waiting = "The provider asks for a pause."
            self.row.pace = self.row.pace and {**self.row.pace, "at": None, "seen": None}
        if is_paused:
            return False
        fetching = self._held([Stage.EXTRACTION], self.speed.fetchers)
        computing = self._held([Stage.TRANSFORM, Stage.EMBEDDING], self.speed.workers)
        busy = len(computing) + (0.5 if fetching else 0.0)
        for work in fetching:
            work.left -= TICK
        for work in computing:
            work.left -= TICK * min(1.0, self.speed.processors / busy)
        for work in [work for work in fetching + computing if work.left <= 0]:
            self._close(work)
        return self._close_stages()

    def _held(self, stages: list[Stage], limit: int) -> list[Work]:
        """The batches that workers hold. Lists come before slices of known size; the queues of stages alternate."""
        held = [work for work in self.open if work.is_held and work.stage in stages]
        while len(held) < limit:
            ready = [work for work in self.open if not work.is_held and work.stage in stages]
            if not ready:
                break
            turn = self.chance.choice(sorted({work.stage for work in ready}))
            work = min(
                (work for work in ready if work.stage == turn),
                key=lambda work: turn == Stage.EXTRACTION and work.size > 0,
            )
            work.is_held = True
            held.append(work)
        return held

    def _close(self, work: Work) -> None:
        work.is_held = False
        if self.chance.random() < self.speed.failures:
            work.left = self._seconds(1.0)
            return
        self.open.remove(work)
        row, plan = self.rows[work.step, work.stage], self.plan_of[work.step]
        if work.slice_ is not None:
            self._take(work.step, work.slice_)
            return
        row.done += work.size
        if work.stage == Stage.TRANSFORM:
            self._add(work.step, Stage.EMBEDDING, self._about(work.size * plan.texts_per_raw), MAX_TEXTS)

    def _take(self, step: str, slice_: Slice) -> None:
        """The answer of the provider to one slice."""
        plan, row, unit = self.plan_of[step], self.rows[step, Stage.EXTRACTION], self.unit[step]
        if slice_.kind == "page":
            pages = slice_.args["pages"]
            assert isinstance(pages, list)
            next_page = [Slice("page", {"pages": pages[1:]})] if pages[1:] else []
            fetched = Fetched(follow_ups=next_page + self._pieces(plan, pages[0]), expected={unit: pages[0]})
        else:
            number = slice_.args["number"]
            assert isinstance(number, int)
            given = sum(self.chance.random() >= plan.missing for _ in range(number))
            fetched = Fetched([SourceRecord(unit, "", b"")] * given)
            self._add(step, Stage.TRANSFORM, self._about(given * plan.raw_per_record), MAX_RECORDS)
        done, total = counted(slice_, fetched, unit)
        row.done, row.total = row.done + done, row.total + total
        row.open_lists -= is_open_list(slice_)
        self._fetch(step, following(slice_, fetched, unit))

    @staticmethod
    def _pieces(plan: StepPlan, number: int) -> list[Slice]:
        pieces = [min(plan.per_slice, number - at) for at in range(0, number, plan.per_slice)]
        return [Slice("records", {"number": part}, announced=part) for part in pieces]

    def _fetch(self, step: str, slices: list[Slice]) -> None:
        self.rows[step, Stage.EXTRACTION].open_lists += sum(map(is_open_list, slices))
        for one in slices:
            seconds = self._seconds(self.speed.page if one.kind == "page" else self.speed.slice_)
            self.open.append(Work(step, Stage.EXTRACTION, seconds, one.announced or 0, one))

    def _add(self, step: str, stage: Stage, number: int, most: int) -> None:
        row = self.rows[step, stage]
        per_item = self.speed.raw if stage == Stage.TRANSFORM else self.speed.text
        for at in range(0, number, most):
            size = min(most, number - at)
            row.total += size
            row.state = StageState.RUNNING
            self.open.append(Work(step, stage, self._seconds(size * per_item), size))

    def _begin_step(self, place: int) -> None:
        step = self.job.steps[place].key
        self.rows[step, Stage.EXTRACTION].state = StageState.RUNNING
        plan = self.plan_of[step]
        if plan.is_planned:
            slices = [part for pages in plan.pages for number in pages for part in self._pieces(plan, number)]
            self.rows[step, Stage.EXTRACTION].total += sum(slice_.announced or 0 for slice_ in slices)
        else:
            slices = [Slice("page", {"pages": list(pages)}) for pages in plan.pages]
        self._fetch(step, slices)

    def _close_stages(self) -> bool:
        is_new_state = False
        for place, step in enumerate(self.job.steps):
            outstanding = {work.stage for work in self.open if work.step == step.key}
            first = self.rows[step.key, step.stages[0]]
            if first.state == StageState.RUNNING and step.stages[0] not in outstanding:
                first.state = StageState.FINISHED if self.plan_of[step.key].pages else StageState.SKIPPED
                is_new_state = True
                if place + 1 < len(self.job.steps):
                    self._begin_step(place + 1)
            for before, stage in pairwise(step.stages):
                row = self.rows[step.key, stage]
                is_open = row.state not in STAGE_DONE and stage not in outstanding
                if is_open and self.rows[step.key, before].state in STAGE_DONE:
                    row.state = StageState.SKIPPED if row.state == StageState.IDLE else StageState.FINISHED
                    is_new_state = True
        return is_new_state

    def _seconds(self, usual: float) -> float:
        return usual * self.chance.uniform(1 - self.speed.jitter, 1 + self.speed.jitter)

    def _about(self, number: float) -> int:
        return round(number * self.chance.uniform(0.8, 1.2))
