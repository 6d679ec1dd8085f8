"""Step 4: which pull requests does Jira's development panel show for the issues of this run?

The endpoint is undocumented. So its own failures are shown but never end the run; only a pause is obeyed. Failures of
all of Jira (a refused token, no connection) end the run, as in other steps. The custom field Development is only a
hint: ``{}`` means that the panel is empty.
"""

import threading
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import ForbiddenError, NotFoundError, RateLimitedError, SourceError
from apps.sources.jira.client import DEV, JiraClient, Payload, read_shape
from apps.sources.jira.extract.args import LeftOutPanelsArgs, PanelsArgs
from apps.sources.jira.fields import site_fields
from apps.sources.text import counted, in_pieces

MAX_PANELS = 5000  # issues per run
ISSUES_PER_SLICE = 10
MAX_FIRST_FAILURES = 10  # in a row, before anything worked
MAX_ROUNDS = 3  # if a panel fails and others work, it is asked for again later


class CountPayload(Payload):
    """A number."""

    count: int | None = None


class PanelKindPayload(Payload, rename="camel"):
    """How many objects of one kind each application reports."""

    overall: CountPayload | None = None
    by_instance_type: dict[str, Any] | None = None


class PanelSummaryPayload(Payload):
    """The kinds in the panel, as far as they are read."""

    pullrequest: PanelKindPayload | None = None


class PanelCountsPayload(Payload):
    """The counts of a development panel."""

    summary: PanelSummaryPayload | None = None


class EndpointHealth:
    """Whether the endpoint works at this site. All slices of a run in this process share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._has_worked = False

    @property
    def is_hopeless(self) -> bool:
        """Whether more requests would be useless."""
        return not self._has_worked and self._failures >= MAX_FIRST_FAILURES

    def note(self, *, has_worked: bool) -> None:
        """Count a result."""
        with self._lock:
            self._has_worked = self._has_worked or has_worked
            self._failures += not has_worked


def start(context: Context) -> list[Slice]:
    """Slices of the changed issues whose panel may show or has shown something, up to the limit of a run."""
    fields = site_fields(context).development
    hinted: list[tuple[str, str]] = []
    silent: dict[str, str] = {}
    for record in context.changed("issue"):
        if may_have_development(record.payload, fields):
            hinted.append((record.external_id, record.scope))
        else:
            silent[record.external_id] = record.scope
    emptied = silent.keys() - context.unstored("dev_status", list(silent))
    hinted += [(issue, silent[issue]) for issue in sorted(emptied)]
    chosen, left_out = hinted[:MAX_PANELS], len(hinted) - MAX_PANELS
    slices = [
        Slice.of("panels", PanelsArgs(list(some)), announced=len(some)) for some in in_pieces(chosen, ISSUES_PER_SLICE)
    ]
    left = Slice.of("panels_left_out", LeftOutPanelsArgs(left_out), announced=0)
    return [*slices, left] if left_out > 0 else slices


def may_have_development(payload: bytes, fields: tuple[str, ...]) -> bool:
    """Whether the panel may show something. It is false only if the field exists and is empty."""
    if not fields:
        return True
    try:
        found = read_shape(payload, _hint_shape(fields)).fields
    except SourceError:
        return True
    values = [getattr(found, field) for field in fields]
    hints = [value for value in values if value is not msgspec.UNSET]
    return not hints or any(value not in (None, "", {}) and str(value).strip() != "{}" for value in hints)


@lru_cache(maxsize=16)
def _hint_shape(fields: tuple[str, ...]) -> Any:
    inner = msgspec.defstruct("Hints", [(field, Any, msgspec.UNSET) for field in fields], gc=False)
    return msgspec.defstruct("Hinted", [("fields", inner)], gc=False)


def fetch_panels(slice_: Slice, context: Context) -> Fetched:
    """The development panels of some issues."""
    client = JiraClient(context.http)
    health = context.memo("jira development", EndpointHealth)
    fetched = Fetched()
    failures: Counter[str] = Counter()
    again: list[tuple[str, str]] = []
    args = slice_.read(PanelsArgs)
    for issue, scope in args.issues:
        if health.is_hopeless:
            failures["This account cannot read Jira's development panel."] += 1
            continue
        try:
            payload = panel_of(client, issue)
        except RateLimitedError:
            raise
        except SourceError as error:
            client.myself()  # raises if all of Jira fails
            health.note(has_worked=False)
            if args.round == MAX_ROUNDS or isinstance(error, ForbiddenError | NotFoundError):
                failures[str(error)] += 1
            else:
                again.append((issue, scope))
            continue
        health.note(has_worked=True)
        fetched.records.append(SourceRecord("dev_status", issue, payload, scope, f"GET {DEV}/summary"))
    if again:
        fetched.follow_ups = [Slice.of("panels", PanelsArgs(again, args.round + 1), announced=len(again))]
    fetched.expected = {"dev_status": len(fetched.records)}
    fetched.skips = [
        Skip("", f"The development information of {counted(n, 'issue')} is missing. {why}")
        for why, n in failures.items()
    ]
    return fetched


def panel_of(client: JiraClient, issue: str) -> bytes:
    """``{"summary": …, "details": [ … ]}``: the counts, and the pull requests of each application."""
    summary = bytes(client.dev_summary(issue))
    details = [bytes(client.dev_pull_requests(issue, name)) for name in applications_in(summary)]
    return b'{"summary":' + summary + b',"details":[' + b",".join(details) + b"]}"


def applications_in(summary: bytes) -> list[str]:
    """The application types with pull requests; their names differ from site to site."""
    panel = read_shape(summary, PanelCountsPayload)
    kind = panel.summary and panel.summary.pullrequest
    instances = (kind and kind.by_instance_type) or {}
    return [name for name, counts in instances.items() if not isinstance(counts, dict) or counts.get("count", 1)]


def fetch_left_out(slice_: Slice, context: Context) -> Fetched:
    """A skip for the issues that are beyond the limit of a run."""
    left_out = counted(slice_.read(LeftOutPanelsArgs).issues, "changed issue")
    reason = f"A run reads at most {MAX_PANELS:,} development panels and has left out those of {left_out}."
    return Fetched(skips=[Skip("", f"{reason} Their pull requests are linked by branch, title and commits instead.")])


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "panels": fetch_panels,
    "panels_left_out": fetch_left_out,
}
