"""Step 4: which pull requests does Jira's development panel show for the issues of this run?

The end point is undocumented: every failure of its own is told and none is fatal, only a pause is obeyed. What keeps
all of Jira from us (a token that is refused, no connection) is fatal here as anywhere. The custom field Development is
used as a hint alone: ``{}`` says that there is nothing.
"""

import threading
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, RawRecord, Skip, Slice
from apps.sources.errors import ForbiddenError, NotFoundError, RateLimitedError, SourceError
from apps.sources.jira.client import DEV, JiraClient, Shape, read_shape
from apps.sources.jira.fields import site_fields
from apps.sources.text import in_pieces

BUDGET = 5000  # issues per run
PER_SLICE = 10
GIVE_UP_AFTER = 10  # failures in a row before anything worked
ROUNDS = 3  # a panel that fails where others work is asked for again, later


class _Counts(Shape):
    count: int | None = None


class _Kind(Shape, rename="camel"):
    overall: _Counts | None = None
    by_instance_type: dict[str, Any] | None = None


class _Summary(Shape):
    pullrequest: _Kind | None = None


class _Panel(Shape):
    summary: _Summary | None = None


class Luck:
    """Does the end point work here at all? Shared by the slices of a run in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._worked = False

    @property
    def is_out(self) -> bool:
        """Whether asking on makes no sense."""
        return not self._worked and self._failures >= GIVE_UP_AFTER

    def note(self, worked: bool) -> None:
        """Count an outcome."""
        with self._lock:
            self._worked = self._worked or worked
            self._failures += not worked


def start(context: Context) -> list[Slice]:
    """Slices of the changed issues that may have something to show, or had, up to the budget of a run."""
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
    chosen, left_out = hinted[:BUDGET], len(hinted) - BUDGET
    slices = [Slice("panels", {"issues": list(some)}) for some in in_pieces(chosen, PER_SLICE)]
    return slices + ([Slice("panels_left_out", {"issues": left_out})] if left_out > 0 else [])


def may_have_development(payload: bytes, fields: tuple[str, ...]) -> bool:
    """``True`` unless the field is there and empty: an absent one says nothing."""
    if not fields:
        return True
    try:
        found = read_shape(payload, _hint_shape(fields)).fields
    except SourceError:
        return True
    values = [getattr(found, field) for field in fields]
    told = [value for value in values if value is not msgspec.UNSET]
    return not told or any(value not in (None, "", {}) and str(value).strip() != "{}" for value in told)


@lru_cache(maxsize=16)
def _hint_shape(fields: tuple[str, ...]) -> Any:
    inner = msgspec.defstruct("Hints", [(field, Any, msgspec.UNSET) for field in fields], gc=False)
    return msgspec.defstruct("Hinted", [("fields", inner)], gc=False)


def fetch_panels(piece: Slice, context: Context) -> Fetched:
    """The development panels of some issues."""
    client = JiraClient(context.http)
    luck = context.memo("jira development", Luck)
    fetched = Fetched()
    failures: Counter[str] = Counter()
    again: list[tuple[str, str]] = []
    round_ = piece.args.get("round", 1)
    for issue, scope in piece.args["issues"]:
        if luck.is_out:
            failures["Jira's development panel cannot be read with this account."] += 1
            continue
        try:
            payload = panel_of(client, issue)
        except RateLimitedError:
            raise
        except SourceError as error:
            client.myself()  # raises where it is not the panel's fault
            luck.note(worked=False)
            if round_ == ROUNDS or isinstance(error, ForbiddenError | NotFoundError):
                failures[str(error)] += 1
            else:
                again.append((issue, scope))
            continue
        luck.note(worked=True)
        fetched.records.append(RawRecord("dev_status", issue, payload, scope, f"GET {DEV}/summary"))
    if again:
        fetched.follow_ups = [Slice("panels", {"issues": again, "round": round_ + 1})]
    fetched.expected = {"dev_status": len(fetched.records)}
    fetched.skips = [Skip("", f"No development info for {n} issues. {why}") for why, n in failures.items()]
    return fetched


def panel_of(client: JiraClient, issue: str) -> bytes:
    """``{"summary": …, "details": [ … ]}``: the counts, and the pull requests of each application."""
    summary = bytes(client.dev_summary(issue))
    details = [bytes(client.dev_pull_requests(issue, name)) for name in applications_in(summary)]
    return b'{"summary":' + summary + b',"details":[' + b",".join(details) + b"]}"


def applications_in(summary: bytes) -> list[str]:
    """The application types with pull requests; they are named differently from site to site."""
    panel = read_shape(summary, _Panel)
    kind = panel.summary and panel.summary.pullrequest
    instances = (kind and kind.by_instance_type) or {}
    return [name for name, counts in instances.items() if not isinstance(counts, dict) or counts.get("count", 1)]


def fetch_left_out(piece: Slice, context: Context) -> Fetched:
    """Tells of the issues that are beyond the budget of a run."""
    reason = f"{piece.args['issues']} more issues changed than the {BUDGET:,} whose development panel a run reads."
    return Fetched(skips=[Skip("", f"{reason} Their pull requests are linked by branch, title and commits instead.")])


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "panels": fetch_panels,
    "panels_left_out": fetch_left_out,
}
