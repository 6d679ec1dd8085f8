"""What happened in a run, line by line? The only writer and reader of its log.

A line is written in the transaction of what it tells, so the log never tells of something that did not happen. Lines
are numbered when they are written and seen when they are committed: a lower number may turn up a little after a higher
one. :attr:`Window.settled` is the number up to which that cannot happen any more; whoever follows a log asks again from
there and drops what it has.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from apps.progress.choices import LogLevel
from apps.progress.models import LogLine
from apps.sources.text import clean, one_line

LIMIT = 200
LONGEST = 2000  # characters of a line, as many as a page can show
PAGE = 2000  # lines per query of a download
# No transaction that writes lines stays open for so long.
SETTLES_AFTER = timedelta(seconds=30)
SEVERITY = (LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR)


@dataclass(frozen=True)
class Line:
    """A line to be written; ``step`` and ``stage`` are empty for what concerns the whole run."""

    text: str
    level: LogLevel = LogLevel.INFO
    step: str = ""
    stage: str = ""


@dataclass(frozen=True)
class Wanted:
    """Which lines somebody wants: of a step, at least as severe as ``level``, with a text in them; empty means all."""

    step: str = ""
    level: str = ""
    text: str = ""


@dataclass(frozen=True)
class Window:
    """Lines in the order of their numbers; ``more`` says whether there are others beyond them."""

    lines: list[LogLine]
    more: bool
    settled: int


def write(run_id: UUID, text: str, *, level: LogLevel = LogLevel.INFO, step: str = "", stage: str = "") -> None:
    """Add one line, inside the caller's transaction."""
    write_all(run_id, [Line(text, level, step, stage)])


def write_all(run_id: UUID, lines: Iterable[Line]) -> None:
    """Add lines with one statement, inside the caller's transaction."""
    LogLine.objects.bulk_create(
        LogLine(run_id=run_id, text=one_line(line.text, LONGEST), level=line.level, step=line.step, stage=line.stage)
        for line in lines
    )


def newest(run_id: UUID, wanted: Wanted = Wanted(), *, before: int | None = None, limit: int = LIMIT) -> Window:
    """The last lines, or the last ones before a number; ``more`` tells of older ones."""
    rows = _rows(run_id, wanted).order_by("-id")
    found = list((rows if before is None else rows.filter(id__lt=before))[: limit + 1])
    lines = found[:limit][::-1]
    return Window(lines, len(found) > limit, _settled(lines, lines[0].pk - 1 if lines else 0))


def following(run_id: UUID, after: int, wanted: Wanted = Wanted(), *, limit: int = LIMIT) -> Window:
    """The first lines after a number; ``more`` tells of newer ones."""
    found = list(_rows(run_id, wanted).filter(id__gt=after).order_by("id")[: limit + 1])
    return Window(found[:limit], len(found) > limit, _settled(found[:limit], after))


def pages(run_id: UUID) -> Iterator[list[LogLine]]:
    """The whole log in pages, so that its length does not matter."""
    page = following(run_id, 0, limit=PAGE)
    while page.lines:
        yield page.lines
        page = following(run_id, page.lines[-1].pk, limit=PAGE)


def newest_error(run_id: UUID) -> int | None:
    """The number of the newest line that tells an error; ``None`` without one."""
    return (
        LogLine.objects.filter(run_id=run_id, level=LogLevel.ERROR).order_by("-id").values_list("id", flat=True).first()
    )


def as_text(line: LogLine) -> str:
    """A line as the downloaded file has it, its time in UTC."""
    where = " ".join(filter(None, (line.step, line.stage)))
    return f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {line.level:<7} {where + ': ' if where else ''}{line.text}\n"


def _rows(run_id: UUID, wanted: Wanted) -> QuerySet[LogLine]:
    rows = LogLine.objects.filter(run_id=run_id)
    if wanted.step:
        rows = rows.filter(step=clean(wanted.step))
    if wanted.level in SEVERITY:
        rows = rows.filter(level__in=SEVERITY[SEVERITY.index(LogLevel(wanted.level)) :])
    if wanted.text:
        rows = rows.filter(text__icontains=clean(wanted.text))
    return rows


def _settled(lines: Sequence[LogLine], otherwise: int) -> int:
    limit = timezone.now() - SETTLES_AFTER
    return max((line.pk for line in lines if line.at < limit), default=otherwise)
