"""Which made-up records do the Jira tests use?"""

import json
from datetime import UTC, datetime
from typing import Any

from apps.sources.base import SourceRecord
from tests.unit.sources.scripted import Say, Seen

ADA = {"accountId": "ada", "displayName": "Ada L.", "emailAddress": "ada@example.org", "active": True}
BOB = {"accountId": "bob", "displayName": "Bob", "accountType": "app"}

FIELDS: list[dict[str, Any]] = [
    {"id": "summary", "name": "Summary", "schema": {"type": "string", "system": "summary"}},
    {"id": "customfield_1", "name": "Sprint", "schema": {"custom": "com.pyxis.greenhopper.jira:gh-sprint"}},
    {"id": "customfield_2", "name": "Punkte", "untranslatedName": "Story Points",
     "schema": {"custom": "com.atlassian.jira.plugin.system.customfieldtypes:float"}},
    {"id": "customfield_3", "name": "Story point estimate",
     "schema": {"custom": "com.pyxis.greenhopper.jira:jsw-story-points"}},
    {"id": "customfield_4", "name": "Epic Link", "schema": {"custom": "com.pyxis.greenhopper.jira:gh-epic-link"}},
    {"id": "customfield_5", "name": "Development",
     "schema": {"custom": "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf"}},
    {"id": "customfield_6", "name": "Cost",
     "schema": {"custom": "com.atlassian.jira.plugin.system.customfieldtypes:float"}},
]  # fmt: skip


def record(entity: str, external_id: str, payload: Any, scope: str = "") -> SourceRecord:
    return SourceRecord(entity, external_id, json.dumps(payload).encode(), scope)


def people(seen: Seen) -> Say:
    """A user directory with two people."""
    return Say([] if int(seen.query["startAt"]) else [ADA, BOB])


def comment(number: int, text: str = "fine") -> dict[str, Any]:
    stamp = "2026-01-02T03:04:05.000+0000"
    return {"id": str(number), "author": ADA, "body": text, "created": stamp, "updated": stamp}


def issue(number: int, key: str = "PAY", **fields: Any) -> dict[str, Any]:
    """An issue with everything that an issue must have; ``fields`` override."""
    plain = {
        "project": {"id": "100", "key": key},
        "issuetype": {"id": "7", "name": "Bug", "subtask": False},
        "status": {"id": "3", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate"}},
        "summary": f"Issue {number}",
        "created": "2026-01-01T08:00:00.000+0100",
        "updated": "2026-02-01T08:00:00.000-0700",
        "comment": {"comments": [], "total": 0, "maxResults": 0, "startAt": 0},
        "issuelinks": [],
    }
    return {"id": str(number), "key": f"{key}-{number}", "fields": {**plain, **fields}}


def history(number: int, *items: dict[str, Any], author: Any = ADA, created: Any = None) -> dict[str, Any]:
    moment = created or datetime(2026, 2, 1, 15, tzinfo=UTC).isoformat()
    return {"id": str(number), "author": author, "created": moment, "items": list(items)}
