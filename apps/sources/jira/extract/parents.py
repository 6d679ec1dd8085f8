"""Which issue is the parent of an issue? The field parent has its id. The old field Epic Link has the epic's key."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Context, SourceRecord
from apps.sources.errors import InvalidAnswerError
from apps.sources.jira.client import API, ISSUES_PER_CALL, IssueNamePayload, JiraClient, Payload, read_shape
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


def fetch_epics(issues: Iterable[SourceRecord], client: JiraClient, context: Context) -> list[SourceRecord]:
    """The ids and keys of the epics that some issues name only by key. Each epic is asked for once."""
    epic_link = site_fields(context).epic_link
    if not epic_link:
        return []
    named = {parent_of(issue.payload, epic_link) for issue in issues}
    keys = context.unstored("epic_link", sorted(name for name in named if name and not name.isdigit()))
    records = []
    for some in in_pieces(keys, ISSUES_PER_CALL):
        for payload in map(bytes, client.issue_names(some)):
            epic = read_shape(payload, IssueNamePayload)
            records.append(SourceRecord("epic_link", epic.key, payload, epic.project, f"POST {API}/issue/bulkfetch"))
    return records


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
