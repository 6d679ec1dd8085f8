"""Which rows does a changelog become? One row per item of every entry, for all fields."""

from collections.abc import Iterable
from typing import Any

import msgspec

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.client import Id, Payload
from apps.sources.jira.transform.people import JiraPersonPayload, person_id, user_rows
from apps.sources.rows import IssueChange, IssueKey, Row
from apps.sources.text import clean, parse_time, read_json


class ChangeItemPayload(Payload):
    """One changed field. The four values are texts, null or missing; Jira does not always keep these types."""

    field: Any = None
    field_id: Any = msgspec.field(default=None, name="fieldId")
    from_value: Any = msgspec.field(default=None, name="from")
    from_text: Any = msgspec.field(default=None, name="fromString")
    to_value: Any = msgspec.field(default=None, name="to")
    to_text: Any = msgspec.field(default=None, name="toString")


class HistoryPayload(Payload):
    """One entry of a changelog."""

    id: Id
    created: Any = None
    author: JiraPersonPayload | None = None
    items: list[ChangeItemPayload] | None = None


_decoder = msgspec.json.Decoder(list[HistoryPayload])


def changelog(record: SourceRecord, context: Context) -> Transformed:
    """All changes of an issue (the record has its id), and the keys that it had before it was moved."""
    try:
        histories = _decoder.decode(record.payload)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        histories = read_json(record.payload, list[HistoryPayload])
    issue = record.external_id
    changes = [row for history in histories for row in change_rows(issue, history)]
    people = user_rows(history.author for history in histories)
    whole = [Children(IssueChange, "issue", issue), Children(IssueKey, "issue", issue)]
    return Transformed([*changes, *old_keys(changes)], people, whole)


def old_keys(changes: Iterable[IssueChange]) -> list[Row]:
    """One row per key that the issue had before. If it lost a key twice, the last time counts."""
    lost: dict[str, IssueKey] = {}
    for change in sorted(changes, key=lambda change: change.changed_at):
        key = change.from_text
        if change.field.lower() == "key" and key:
            lost[key] = IssueKey(
                external_id=f"{change.issue}:{key}", issue=change.issue, key=key, until=change.changed_at
            )
    return list(lost.values())


def change_rows(issue: str, history: HistoryPayload) -> list[IssueChange]:
    """One row per item; raises ``ValueError`` for an entry without a time."""
    changed_at = parse_time(history.created)
    if changed_at is None:
        raise ValueError(f"History {history.id} has {history.created!r} instead of a time.")
    name, author = str(history.id), person_id(history.author)
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
    ]
