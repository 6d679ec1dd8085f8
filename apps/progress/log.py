"""What happened in a run, line by line? The only writer and reader of its log.

A line is written in the same transaction as the change that it reports, so the log reports nothing that did not happen.
A line gets its number when it is written, and readers see it when it is committed. So a line may appear after a line
with a higher number. Up to the number :attr:`LogPage.settled` this cannot happen any more. A reader that follows a log
asks again for the lines after that number and drops those that it has.
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

LINES_PER_PAGE = 200
MAX_LINE_LENGTH = 2000  # characters: a page can show as many
LINES_PER_QUERY = 2000  # in a download
# Every transaction that writes lines ends earlier.
SETTLES_AFTER = timedelta(seconds=30)
SEVERITY = (LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR)


@dataclass(frozen=True)
class NewLine:
    """A line that is not written yet; ``step`` and ``stage`` are empty when it concerns the whole run."""

    text: str
    level: LogLevel = LogLevel.INFO
    step: str = ""
    stage: str = ""


@dataclass(frozen=True)
class LogFilter:
    """Which lines a reader wants: of a step, at least as severe as ``level``, and with a text; empty means all."""

    step: str = ""
    level: str = ""
    text: str = ""


@dataclass(frozen=True)
class LogPage:
    """Lines in the order of their numbers; ``more`` says whether others follow in the direction that was asked for."""

    lines: list[LogLine]
    more: bool
    settled: int


def write(run_id: UUID, text: str, *, level: LogLevel = LogLevel.INFO, step: str = "", stage: str = "") -> None:
    """Add one line, inside the caller's transaction."""
    write_all(run_id, [NewLine(text, level, step, stage)])


def write_all(run_id: UUID, lines: Iterable[NewLine]) -> None:
    """Add lines with one statement, inside the caller's transaction."""
    LogLine.objects.bulk_create(
        LogLine(
            run_id=run_id, text=one_line(line.text, MAX_LINE_LENGTH), level=line.level, step=line.step, stage=line.stage
        )
        for line in lines
    )


def newest(
    run_id: UUID, wanted: LogFilter = LogFilter(), *, before: int | None = None, limit: int = LINES_PER_PAGE
) -> LogPage:
    """The last lines, or the last ones before a number; ``more`` says whether there are older ones."""
    rows = _rows(run_id, wanted).order_by("-id")
    found = list((rows if before is None else rows.filter(id__lt=before))[: limit + 1])
    lines = found[:limit][::-1]
    return LogPage(lines, len(found) > limit, _settled(lines, lines[0].pk - 1 if lines else 0))


def following(run_id: UUID, after: int, wanted: LogFilter = LogFilter(), *, limit: int = LINES_PER_PAGE) -> LogPage:
    """The first lines after a number; ``more`` says whether there are newer ones."""
    found = list(_rows(run_id, wanted).filter(id__gt=after).order_by("id")[: limit + 1])
    return LogPage(found[:limit], len(found) > limit, _settled(found[:limit], after))


def pages(run_id: UUID) -> Iterator[list[LogLine]]:
    """The whole log, page by page, so that a long log needs no more memory."""
    page = following(run_id, 0, limit=LINES_PER_QUERY)
    while page.lines:
        yield page.lines
        page = following(run_id, page.lines[-1].pk, limit=LINES_PER_QUERY)


def newest_error(run_id: UUID) -> int | None:
    """The number of the newest line that reports an error; ``None`` without one."""
    return (
        LogLine.objects.filter(run_id=run_id, level=LogLevel.ERROR).order_by("-id").values_list("id", flat=True).first()
    )


def as_text(line: LogLine) -> str:
    """A line of the downloaded file; its time is UTC."""
    where = " ".join(filter(None, (line.step, line.stage)))
    return f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {line.level:<7} {where + ': ' if where else ''}{line.text}\n"


def _rows(run_id: UUID, wanted: LogFilter) -> QuerySet[LogLine]:
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
