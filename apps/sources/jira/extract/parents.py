"""Which issue is the parent of an issue? The field parent has its id. The old field Epic Link has the epic's key."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import OF_THE_CONNECTION, InvalidAnswerError, NotFoundError, SourceError
from apps.sources.jira.client import API, ISSUES_PER_CALL, IssueNamePayload, JiraClient, Payload, read_shape
from apps.sources.jira.extract.args import EpicsArgs
from apps.sources.jira.extract.paging import each
from apps.sources.jira.fields import site_fields
from apps.sources.reading import Id
from apps.sources.text import in_pieces


class ParentPayload(Payload):
    """The parent of an issue."""

    id: Id | None = None


@lru_cache(maxsize=16)
def _child_shape(epic_link: tuple[str, ...]) -> Any:
    fields = [("parent", ParentPayload | None, None), *((field, Any, None) for field in epic_link)]
    inner = msgspec.defstruct("ChildFields", fields, gc=False)
    return msgspec.defstruct("Child", [("fields", inner)], gc=False)


def parent_of(payload: bytes, epic_link: tuple[str, ...]) -> str:
    """The id of an issue's parent, else the key of its epic, else ""."""
    try:
        fields = read_shape(payload, _child_shape(epic_link)).fields
    except InvalidAnswerError:
        return ""
    if fields.parent and fields.parent.id is not None:
        return str(fields.parent.id)
    return next((key for field in epic_link if isinstance(key := getattr(fields, field), str)), "")


def add_epics(fetched: Fetched, client: JiraClient, context: Context) -> None:
    """Add the ids and keys of the epics that the fetched issues name only by key. Each epic is asked for once.

    Those that do not come at once are asked for by slices of their own.
    """
    named = _unstored_epics((record for record in fetched.records if record.entity == "issue"), context)
    for some in in_pieces(sorted(named), ISSUES_PER_CALL):
        try:
            records = [_epic(bytes(payload)) for payload in client.issue_names(some)]
        except OF_THE_CONNECTION:
            raise
        except SourceError:
            records = []
        fetched.records += records
        given = {record.external_id for record in records}
        fetched.follow_ups += _epics_slices({key: named[key] for key in some if key not in given})


def fetch_stored_epics(slice_: Slice, context: Context) -> Fetched:
    """The epics that stored issues name, after other fields of the site got the meaning of an epic."""
    return Fetched(follow_ups=_epics_slices(_unstored_epics(context.current("issue"), context)))


def fetch_epics(slice_: Slice, context: Context) -> Fetched:
    """Some epics: in bulk, and then those that did not come one by one. The rows of their issues are made again.

    An epic that does not exist, or may not be seen, is not missing.
    """
    client, args = JiraClient(context.http), slice_.read(EpicsArgs)
    found: dict[str, SourceRecord] = {}

    def take_bulk(_: str) -> None:
        records = [_epic(bytes(payload)) for payload in client.issue_names(args.keys)]
        found.update((record.external_id, record) for record in records if record.external_id in args.keys)

    def take(key: str) -> None:
        payload = bytes(client.issue_name(key))
        found[key] = SourceRecord("epic_link", key, payload, _epic(payload).scope, f"GET {API}/issue/{key}")

    each(["bulk"], take_bulk)
    refused = each([key for key in args.keys if key not in found], take)
    failed = {key: error for key, error in refused.items() if not isinstance(error, NotFoundError)}
    skips = [
        Skip("", f"The id of epic {key} is missing. {error}", again=Slice.of("epics", EpicsArgs([key], args.issues)))
        for key, error in failed.items()
    ]
    return Fetched(list(found.values()), skips=skips, made_again={"issue": args.issues} if found else {})


def _epics_slices(named: Mapping[str, list[str]]) -> list[Slice]:
    return [
        Slice.of("epics", EpicsArgs(list(keys), sorted({issue for key in keys for issue in named[key]})))
        for keys in in_pieces(sorted(named), ISSUES_PER_CALL)
    ]


def _unstored_epics(issues: Iterable[SourceRecord], context: Context) -> dict[str, list[str]]:
    """The keys of the epics that are not stored, and the issues that name them."""
    epic_link = site_fields(context).epic_link
    named: dict[str, list[str]] = defaultdict(list)
    for issue in issues if epic_link else ():
        name = parent_of(issue.payload, epic_link)
        if name and not name.isdigit():
            named[name].append(issue.external_id)
    return {key: named[key] for key in context.unstored("epic_link", sorted(named))} if named else {}


def _epic(payload: bytes) -> SourceRecord:
    epic = read_shape(payload, IssueNamePayload)
    return SourceRecord("epic_link", epic.key, payload, epic.project, f"POST {API}/issue/bulkfetch")


def orphans(deleted: set[str], context: Context) -> list[str]:
    """The stored issues whose parent was ``deleted``. They have changed, but their field ``updated`` has not."""
    if not deleted:
        return []
    epic_link = site_fields(context).epic_link
    stored = (context.find("issue", issue) for issue in deleted)
    names = deleted | {read_shape(issue.payload, IssueNamePayload).key for issue in stored if issue}
    return [
        issue.external_id
        for issue in context.current("issue")
        if issue.external_id not in deleted and parent_of(issue.payload, epic_link) in names
    ]


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "epics": fetch_epics,
    "stored_epics": fetch_stored_epics,
}
