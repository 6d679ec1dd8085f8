"""When did a run do what? Its attempts, stages and waits are drawn as lanes of bars over one time axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from django.utils import timezone

from apps.progress.choices import SpanKind
from apps.progress.models import Span
from apps.sources.definition import JobDefinition

WHOLE = 100.0  # the width of the axis in percent
MIN_BAR_WIDTH = 0.4  # percent; a shorter bar would not be visible
JOIN = 0.3  # percent; bars that are closer than this are drawn as one
MAX_TICKS = 5
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
MAX_TABLE_ROWS = 500


@dataclass(frozen=True)
class Tick:
    """A mark on the axis at ``x`` percent."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True)
class Stretch:
    """A bar that begins at ``x`` and is ``width`` percent long. ``label`` describes it in words."""

    id: str
    x: float
    width: float
    state: str
    label: str
    is_open: bool
    number: int = 1


@dataclass(frozen=True)
class Lane:
    """One row of bars. ``total`` is the sum of their durations, ``state`` is the state of the newest bar."""

    kind: str
    title: str
    state: str
    total: timedelta
    stretches: list[Stretch]


@dataclass(frozen=True)
class Entry:
    """One line of the table that shows the same as the drawing."""

    span: Span
    what: str
    took: timedelta


@dataclass(frozen=True)
class Timeline:
    """Lanes in titled groups over an axis with ``ticks``."""

    ticks: list[Tick]
    groups: list[tuple[str, list[Lane]]]
    entries: list[Entry]
    zone: str


@dataclass(frozen=True)
class Scale:
    """The axis from ``begin`` to ``end``. Spans that have not ended are drawn up to ``end``."""

    begin: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """The length of the axis in seconds."""
        return max((self.end - self.begin).total_seconds(), 1.0)

    def x(self, moment: datetime) -> float:
        """The position of a moment in percent."""
        share = (moment - self.begin).total_seconds() / self.seconds
        return round(min(max(share, 0.0), 1.0) * WHOLE, 3)

    def until(self, span: Span) -> datetime:
        """When a span ended, or the end of the axis."""
        return span.ended_at or self.end


def timeline(job: JobDefinition, spans: Sequence[Span], end: datetime | None) -> Timeline | None:
    """The drawing of a run's spans; ``None`` without spans. ``end`` is when the run ended, ``None`` if it is active."""
    if not spans:
        return None
    newest = max(span.ended_at or span.began_at for span in spans)
    scale = Scale(min(span.began_at for span in spans), max(end or timezone.now(), newest))
    titles = {step.key: step.title for step in job.steps}
    return Timeline(
        list(ticks(scale)),
        list(_groups(titles, spans, scale)),
        [Entry(span, _what(span, titles), scale.until(span) - span.began_at) for span in spans[:MAX_TABLE_ROWS]],
        timezone.get_current_timezone_name(),
    )


def ticks(scale: Scale) -> Iterator[Tick]:
    """At most five marks at round times in the user's time zone."""
    step = next((step for step in STEPS if scale.seconds / step < MAX_TICKS), None)
    step = step or STEPS[-1] * ceil(scale.seconds / STEPS[-1] / (MAX_TICKS - 1))
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < STEPS[-1] else "%-d %b"
    local = timezone.localtime(scale.begin)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (local - midnight).total_seconds()
    moment = midnight + timedelta(seconds=ceil(passed / step) * step)
    while moment <= scale.end:
        x = scale.x(moment)
        yield Tick(x, moment.strftime(form), "start" if x < 5 else "end" if x > 95 else "middle")
        moment += timedelta(seconds=step)


def _groups(titles: dict[str, str], spans: Sequence[Span], scale: Scale) -> Iterator[tuple[str, list[Lane]]]:
    whole = [
        _lane(kind, title, found, titles, scale)
        for kind, title in ((SpanKind.ATTEMPT, "Attempts"), (SpanKind.WAIT, "Waits"))
        if (found := [span for span in spans if span.kind == kind])
    ]
    if whole:
        yield "Whole run", whole
    worked = [span for span in spans if span.kind == SpanKind.STAGE]
    steps = dict.fromkeys([*titles, *(span.step for span in worked)])
    for step in steps:
        stages = dict.fromkeys(span.stage for span in worked if span.step == step)
        lanes = [
            _lane(
                SpanKind.STAGE,
                stage.capitalize(),
                [span for span in worked if (span.step, span.stage) == (step, stage)],
                titles,
                scale,
            )
            for stage in stages
        ]
        if lanes:
            yield titles.get(step, step), lanes


def _lane(kind: SpanKind, title: str, spans: Sequence[Span], titles: dict[str, str], scale: Scale) -> Lane:
    total = sum((scale.until(span) - span.began_at for span in spans), timedelta())
    return Lane(kind.value, title, _state(spans[-1]), total, _drawn(spans, titles, scale))


def _drawn(spans: Sequence[Span], titles: dict[str, str], scale: Scale) -> list[Stretch]:
    drawn: list[Stretch] = []
    for span in spans:
        begin, end = scale.x(span.began_at), scale.x(scale.until(span))
        here = Stretch(
            f"span-{span.pk}",
            min(begin, WHOLE - MIN_BAR_WIDTH),
            max(end - begin, MIN_BAR_WIDTH),
            _state(span),
            _label(span, titles, scale),
            span.ended_at is None,
        )
        last = drawn[-1] if drawn else None
        if last and here.x - (last.x + last.width) < JOIN and here.state == last.state:
            drawn[-1] = replace(
                last,
                width=round(max(here.x + here.width - last.x, last.width), 3),
                is_open=here.is_open,
                number=last.number + 1,
                label=f"{last.number + 1} bars close together, the last one: {here.label}",
            )
        else:
            drawn.append(here)
    return drawn


def _label(span: Span, titles: dict[str, str], scale: Scale) -> str:
    took = (scale.until(span) - span.began_at).total_seconds()
    end = _clock(span.ended_at) if span.ended_at else "now"
    state = f", {_state(span)}" if span.kind != SpanKind.WAIT else ""
    note = f". {span.note}" if span.note else ""
    return f"{_what(span, titles)}: {_clock(span.began_at)} to {end}, {took:,.1f} s{state}{note}"


def _what(span: Span, titles: dict[str, str]) -> str:
    if span.kind == SpanKind.ATTEMPT:
        return f"Attempt {span.attempt}"
    if span.kind == SpanKind.WAIT:
        return "Wait"
    return f"{span.stage.capitalize()} of {titles.get(span.step, span.step)}"


def _state(span: Span) -> str:
    if span.kind == SpanKind.WAIT:
        return "queued"
    return span.state.lower() or ("finished" if span.ended_at else "running")


def _clock(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M:%S")
