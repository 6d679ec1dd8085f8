"""Which rows does a changelog become? One row per item of every entry, for all fields."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.client import Payload
from apps.sources.jira.transform.people import JiraPersonPayload, person_id, user_rows
from apps.sources.reading import MAX_NAME_LENGTH, Id, read_json
from apps.sources.rows import IssueChange, IssueKey, Row
from apps.sources.text import clean, utc

LONG_AGO = datetime.min.replace(tzinfo=UTC)
Scalar = str | int | float | bool | None


class ChangeItemPayload(Payload):
    """One changed field. The four values are texts, null or missing; Jira does not always keep these types."""

    field: Scalar = None
    field_id: Scalar = msgspec.field(default=None, name="fieldId")
    from_value: Scalar = msgspec.field(default=None, name="from")
    from_text: Scalar = msgspec.field(default=None, name="fromString")
    to_value: Scalar = msgspec.field(default=None, name="to")
    to_text: Scalar = msgspec.field(default=None, name="toString")


class HistoryPayload(Payload):
    """One entry of a changelog."""

    id: Id
    created: datetime | None = None
    author: JiraPersonPayload | None = None
    items: list[ChangeItemPayload | None] | None = None


def changelog(record: SourceRecord, context: Context) -> Transformed:
    """All changes of an issue (the record has its id), and the keys that it had before it was moved."""
    entries = read_json(record.payload, list[HistoryPayload | None])
    histories = [entry for entry in entries if entry]
    issue = record.external_id
    changes = [row for history in histories for row in change_rows(issue, history)]
    people = user_rows(history.author for history in histories)
    is_whole = all(entry and entry.items is not None and None not in entry.items for entry in entries)
    whole = [Children(IssueChange, "issue", issue), Children(IssueKey, "issue", issue)] if is_whole else []
    return Transformed([*changes, *old_keys(changes)], people, whole)


def old_keys(changes: Iterable[IssueChange]) -> list[Row]:
    """One row per key that the issue had before. If it lost a key twice, the last time counts."""
    lost: dict[str, IssueKey] = {}
    for change in sorted(changes, key=lambda change: change.changed_at or LONG_AGO):
        key = change.from_text
        if change.field.lower() == "key" and 0 < len(key) <= MAX_NAME_LENGTH:
            lost[key] = IssueKey(
                external_id=f"{change.issue}:{key}", issue=change.issue, key=key, until=change.changed_at
            )
    return list(lost.values())


def change_rows(issue: str, history: HistoryPayload) -> list[IssueChange]:
    """One row per item of an entry."""
    name, author, changed_at = clean(history.id), person_id(history.author), utc(history.created)
    return [
        IssueChange(
            external_id=f"{name}:{index}",
            issue=issue,
            history=name,
            field=clean(item.field),
            field_id=clean(item.field_id),
            from_value=clean(item.from_value),
            from_text=clean(item.from_text),
            to_value=clean(item.to_value),
            to_text=clean(item.to_text),
            author=author,
            changed_at=changed_at,
        )
        for index, item in enumerate(history.items or [])
        if item
    ]
