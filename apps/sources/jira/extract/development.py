"""Step 4: which pull requests does Jira's development panel show for the issues of this run?

The endpoint is undocumented. A panel that cannot be read, or that is not complete, is named and asked for again by the
next run. The custom field Development is only a hint: ``{}`` means that the panel is empty. A new pull request changes
the field, but not the time at which its issue was changed. So a sweep compares this field with the stored one.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import InvalidAnswerError
from apps.sources.jira.client import (
    DEV,
    ISSUES_PER_CALL,
    IdPayload,
    JiraClient,
    Payload,
    read_items,
    read_shape,
    read_whole,
)
from apps.sources.jira.extract.args import IssuesArgs, PanelsArgs
from apps.sources.jira.extract.deletions import found_slices
from apps.sources.jira.extract.paging import each, paused
from apps.sources.jira.fields import site_fields
from apps.sources.text import as_dict, counted, in_pieces

MAX_PANELS = 5000  # issues per run
ISSUES_PER_SLICE = 10
_STALE = re.compile(r',"isStale":(true|false)')


class CountPayload(Payload):
    """A number."""

    count: int | None = None


class PanelKindPayload(Payload, rename="camel"):
    """How many objects of one kind each application reports."""

    overall: CountPayload | None = None
    by_instance_type: dict[str, Any] | None = None


class PanelSummaryPayload(Payload):
    """The kinds in the panel, as far as they are read."""

    pullrequest: PanelKindPayload


class PanelCountsPayload(Payload):
    """The counts of a development panel."""

    summary: PanelSummaryPayload

    @property
    def applications(self) -> dict[str, int]:
        """The application types with pull requests, and how many they report. Their names differ from site to site."""
        kinds = self.summary.pullrequest.by_instance_type or {}
        counts = {name: as_dict(kind).get("count", 1) for name, kind in kinds.items()}
        return {name: count if isinstance(count, int) else 1 for name, count in counts.items() if count}

    @property
    def announced(self) -> int:
        """How many pull requests all applications report together."""
        overall = self.summary.pullrequest.overall
        return (overall and overall.count) or 0


class ShownPullRequestPayload(Payload):
    """A pull request in the panel; we read only its address."""

    url: str | None = None


class ShownInstancePayload(Payload, rename="camel"):
    """The pull requests of one server of an application, as they came."""

    pull_requests: list[msgspec.Raw] | None = None


class ShownDetailPayload(Payload):
    """The answer for one application."""

    detail: list[ShownInstancePayload]

    @property
    def pull_requests(self) -> list[bytes]:
        """Its pull requests."""
        return [bytes(pull) for instance in self.detail for pull in instance.pull_requests or []]


class StoredPanelPayload(Payload):
    """A panel as it is stored, without its counts."""

    details: list[ShownDetailPayload] = []


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
    chosen, rest = hinted[:MAX_PANELS], hinted[MAX_PANELS:]
    return _panels_slices(chosen) + ([Slice.of("left_out_panels", PanelsArgs(rest), announced=0)] if rest else [])


def _panels_slices(issues: Sequence[tuple[str, str]]) -> list[Slice]:
    return [
        Slice.of("panels", PanelsArgs(list(some)), announced=len(some)) for some in in_pieces(issues, ISSUES_PER_SLICE)
    ]


def fetch_left_out(slice_: Slice, context: Context) -> Fetched:
    """The panels beyond the limit of this run: the next runs read them."""
    return Fetched(skips=[_left_out(slice_.read(PanelsArgs).issues)])


def fetch_waiting(slice_: Slice, context: Context) -> Fetched:
    """Panels that an earlier run has left out, up to the limit of a run."""
    issues = slice_.read(PanelsArgs).issues
    rest = issues[MAX_PANELS:]
    return Fetched(follow_ups=_panels_slices(issues[:MAX_PANELS]), skips=[_left_out(rest)] if rest else [])


def _left_out(issues: list[tuple[str, str]]) -> Skip:
    """The skip for the panels that a run has not read."""
    left = counted(len(issues), "issue")
    reason = f"A run reads at most {MAX_PANELS:,} development panels; those of {left} are left."
    return Skip("", f"{reason} The next run continues with them.", again=Slice.of("waiting_panels", PanelsArgs(issues)))


def may_have_development(payload: bytes, fields: tuple[str, ...]) -> bool:
    """Whether the panel may show something. It is false only if the field exists and is empty."""
    if not fields:
        return True
    hints = _hints(payload, fields)
    return not hints or any(value not in ("None", "", "{}") for value in hints)


def hint_slices(ids: Sequence[str], context: Context) -> list[Slice]:
    """The slices that find out which panels of stored issues show something else than before."""
    pieces = in_pieces(ids, ISSUES_PER_CALL) if site_fields(context).development else ()
    return [Slice.of("panel_hints", IssuesArgs(list(some), [])) for some in pieces]


def fetch_hints(slice_: Slice, context: Context) -> Fetched:
    """Issues with another hint than the stored one are fetched again. The last step then reads their panels."""
    fields, ids = site_fields(context).development, slice_.read(IssuesArgs).ids
    items = JiraClient(context.http).issue_fields(ids, fields)
    given = {
        str(issue.id): _hints(payload, fields)
        for issue, payload in read_items(items, IdPayload, "an issue without an id")
    }
    changed = [
        record.external_id
        for record in context.find_all("issue", ids)
        if given.get(record.external_id) != _hints(record.payload, fields)
    ]
    return Fetched(follow_ups=found_slices(changed))


def _hints(payload: bytes, fields: tuple[str, ...]) -> list[str]:
    """The hints of an issue, as far as it has them. Whether a hint is stale says nothing of the panel."""
    try:
        found = read_shape(payload, _hint_shape(fields)).fields
    except InvalidAnswerError:
        return []
    values = [getattr(found, field) for field in fields]
    return [_STALE.sub("", str(value)).strip() for value in values if value is not msgspec.UNSET]


@lru_cache(maxsize=16)
def _hint_shape(fields: tuple[str, ...]) -> Any:
    inner = msgspec.defstruct("Hints", [(field, Any, msgspec.UNSET) for field in fields], gc=False)
    return msgspec.defstruct("Hinted", [("fields", inner)], gc=False)


def fetch_panels(slice_: Slice, context: Context) -> Fetched:
    """The development panels of some issues. Raises the last refusal if none of them can be read."""
    client = JiraClient(context.http)
    fetched, scopes = Fetched(), dict(slice_.read(PanelsArgs).issues)

    def ask(issue: str) -> None:
        panel = _Panel(client, issue)
        if panel.problem:
            stored = context.find("dev_status", issue)
            panel.keep(stored.payload if stored else b"{}")
            fetched.skips.append(_missing(issue, scopes[issue], panel.problem))
        fetched.records.append(SourceRecord("dev_status", issue, panel.payload, scopes[issue], f"GET {DEV}/summary"))

    refused = each(scopes, ask)
    if len(refused) == len(scopes):
        raise next(iter(refused.values()))
    later = paused(refused)
    fetched.follow_ups = _panels_slices([(issue, scopes[issue]) for issue in later])
    for issue in [issue for issue in refused if issue not in later]:
        fetched.skips.append(_missing(issue, scopes[issue], str(refused[issue])))
    fetched.expected = {"dev_status": len(fetched.records)}
    return fetched


def _missing(issue: str, scope: str, why: str) -> Skip:
    reason = f"The development panel of issue {issue} is not complete. {why}"
    return Skip(scope, reason, again=Slice.of("panels", PanelsArgs([(issue, scope)])))


class _Panel:
    """The panel of an issue: ``{"summary": …, "details": [ … ]}``, with one detail per application."""

    def __init__(self, client: JiraClient, issue: str) -> None:
        self._summary = bytes(client.dev_summary(issue))
        self._details: dict[str, bytes] = {}
        counts = read_whole(self._summary, PanelCountsPayload)
        shown = 0

        def ask(application: str) -> None:
            nonlocal shown
            detail = bytes(client.dev_pull_requests(issue, application))
            shown += len(read_whole(detail, ShownDetailPayload).pull_requests)
            self._details[application] = detail

        refused = each(counts.applications, ask)
        announced = max(counts.announced, sum(counts.applications.values()))
        self.problem = next(map(str, refused.values()), "")
        if not self.problem and shown < announced:
            self.problem = f"Jira announced {counted(announced, 'pull request')} and sent {shown:,}."

    def keep(self, stored: bytes) -> None:
        """Keep the pull requests of an earlier answer that this one lacks."""
        given = {_url(pull) for detail in self._details.values() for pull in _pulls(detail)}
        earlier = [pull for detail in read_shape(stored, StoredPanelPayload).details for pull in detail.pull_requests]
        kept = {_url(pull): pull for pull in earlier if _url(pull) not in given}
        if kept:
            self._details["stored"] = b'{"detail":[{"pullRequests":[' + b",".join(kept.values()) + b"]}]}"

    @property
    def payload(self) -> bytes:
        """What is stored."""
        return b'{"summary":' + self._summary + b',"details":[' + b",".join(self._details.values()) + b"]}"


def _pulls(detail: bytes) -> list[bytes]:
    return read_shape(detail, ShownDetailPayload).pull_requests


def _url(pull: bytes) -> str:
    return read_shape(pull, ShownPullRequestPayload).url or ""


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "panels": fetch_panels,
    "panel_hints": fetch_hints,
    "left_out_panels": fetch_left_out,
    "waiting_panels": fetch_waiting,
}
