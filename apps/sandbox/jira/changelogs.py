"""How does Jira give the history of one issue, and of a thousand at once?"""

from typing import Any

import msgspec
from starlette.responses import Response

from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json, join
from apps.sandbox.http import ApiCall, Handler, json_reply
from apps.sandbox.jira.errors import bad, missing
from apps.sandbox.jira.pager import make_token, page_bean, read_token
from apps.sandbox.jira.records import Records

MAX_ISSUES = 1000
MAX_FIELDS = 10
MAX_RESULTS = 10_000


class Changelogs:
    """Changelog endpoints."""

    def __init__(self, world: World, records: Records) -> None:
        self.world = world
        self.records = records
        self.table: list[tuple[str, Handler, tuple[str, ...]]] = [
            ("/rest/api/3/changelog/bulkfetch", self.bulk, ("POST",)),
            ("/rest/api/3/issue/{key}/changelog", self.one, ("GET",)),
        ]

    def one(self, call: ApiCall) -> Response:
        """The changelog of one issue, oldest first."""
        issue = self.world.site.find(call.path["key"]) if call.has_scopes else None
        if issue is None:
            raise missing()
        return json_reply(page_bean(call, list(self.records.histories(issue)), 100, 100))

    def bulk(self, call: ApiCall) -> Response:
        """The histories of many issues; a page may end in the middle of an issue."""
        wanted, fields, size, token = _arguments(call.body)
        issues = sorted(self._known(wanted, has_scopes=call.has_scopes), key=lambda i: i.id)
        bound = f"{sorted(wanted)}{sorted(fields)}"
        start, inside = 0, 0
        if token:
            try:
                start, inside = read_token(token, bound)
            except ValueError:
                raise bad("The provided next page token is invalid.") from None
        page: list[Json] = []
        for index in range(start, len(issues)):
            histories = self._histories(issues[index], fields)
            taken = histories[inside : inside + size]
            size -= len(taken)
            if taken:
                page.append({"issueId": str(issues[index].id), "changeHistories": msgspec.Raw(join(taken))})
            rest = inside + len(taken) < len(histories)
            if rest or (size == 0 and index + 1 < len(issues)):
                place = (index, inside + len(taken)) if rest else (index + 1, 0)
                return json_reply({"issueChangeLogs": page, "nextPageToken": make_token(bound, *place)})
            inside = 0
        return json_reply({"issueChangeLogs": page})

    def _known(self, wanted: list[str], *, has_scopes: bool) -> list[SampleIssue]:
        found = {i.id: i for name in wanted if has_scopes and (i := self.world.site.find(name))}
        return list(found.values())

    def _histories(self, issue: SampleIssue, fields: set[str]) -> list[bytes]:
        encoded = self.records.histories(issue)
        if not fields:
            return encoded
        pairs = zip(issue.histories, encoded, strict=True)
        return [text for history, text in pairs if any((i[2] or i[0]) in fields for i in history.items)]


def _arguments(body: Any) -> tuple[list[str], set[str], int, str | None]:
    """issueIdsOrKeys, fieldIds, maxResults and nextPageToken; 400 when one is out of its bounds."""
    if not isinstance(body, dict) or not isinstance(body.get("issueIdsOrKeys"), list) or not body["issueIdsOrKeys"]:
        raise bad("issueIdsOrKeys must not be empty.")
    wanted = [str(name) for name in body["issueIdsOrKeys"]]
    if len(wanted) > MAX_ISSUES:
        raise bad(f"The number of issue IDs or keys must not exceed {MAX_ISSUES}.")
    fields = body.get("fieldIds") or []
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS:
        raise bad(f"The number of field IDs must not exceed {MAX_FIELDS}.")
    size = body.get("maxResults", 1000)
    if not isinstance(size, int) or not 1 <= size <= MAX_RESULTS:
        raise bad(f"maxResults must be between 1 and {MAX_RESULTS}.")
    return wanted, {str(f) for f in fields}, size, body.get("nextPageToken")
