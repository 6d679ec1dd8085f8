"""How does Jira give one issue, many issues at once, and their comments and worklogs?"""

import msgspec
from starlette.responses import Response

from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.world import World
from apps.sandbox.encoding import join
from apps.sandbox.http import ApiCall, Handler, json_reply
from apps.sandbox.jira.errors import bad, missing
from apps.sandbox.jira.pager import legacy
from apps.sandbox.jira.records import Records, Selection

BULK = 100
_PAYLOAD = "Invalid request payload. Refer to the REST API documentation and try again."


class Issues:
    """Issue endpoints."""

    def __init__(self, world: World, records: Records) -> None:
        self.world = world
        self.records = records
        self.table: list[tuple[str, Handler, tuple[str, ...]]] = [
            ("/rest/api/3/issue/bulkfetch", self.bulk, ("POST",)),
            ("/rest/api/3/issue/{key}", self.one, ("GET",)),
            ("/rest/api/3/issue/{key}/comment", self.comments, ("GET",)),
            ("/rest/api/3/issue/{key}/worklog", self.worklogs, ("GET",)),
        ]

    def _issue(self, call: ApiCall) -> SampleIssue:
        issue = self.world.site.find(call.path["key"]) if call.has_scopes else None
        if issue is None:
            raise missing()
        return issue

    def one(self, call: ApiCall) -> Response:
        """One issue; the answer to an old key has the new key."""
        issue = self._issue(call)
        fields = [f for v in call.query.getlist("fields") for f in v.split(",")] or ["*all"]
        selection = Selection.of(fields, call.query.get("expand", "").split(","))
        return json_reply(self.records.issue(issue, selection))

    def bulk(self, call: ApiCall) -> Response:
        """Up to a hundred issues; unknown ones are left out, as Jira's description says."""
        body = call.body
        wanted = body.get("issueIdsOrKeys") if isinstance(body, dict) else None
        if not isinstance(wanted, list) or not wanted:
            raise bad(_PAYLOAD)
        if len(wanted) > BULK:
            raise bad(f"The maximum number of issues that can be fetched at once is {BULK}.")
        fields, expand = body.get("fields") or ["*navigable"], body.get("expand") or []
        if not isinstance(fields, list) or not isinstance(expand, list):
            raise bad(_PAYLOAD)
        selection = Selection.of(fields, expand)
        found, seen = [], set()
        for name in map(str, wanted):
            issue = self.world.site.find(name) if call.has_scopes else None
            if issue is not None and issue.id not in seen:
                seen.add(issue.id)
                found.append(self.records.issue(issue, selection))
        return json_reply({"issueErrors": [], "issues": msgspec.Raw(join(found))})

    def comments(self, call: ApiCall) -> Response:
        """All comments of an issue, oldest first unless another order is asked for."""
        issue = self._issue(call)
        order = call.query.get("orderBy", "created")
        if order.lstrip("+-") != "created":
            raise bad(f"The field '{order}' is not valid for ordering comments.")
        chosen = issue.comments[::-1] if order.startswith("-") else issue.comments
        page = legacy(call, "comments", chosen, 100, 5000)
        page["comments"] = [self.records.comment(c, issue) for c in page["comments"]]
        return json_reply(page)

    def worklogs(self, call: ApiCall) -> Response:
        """The booked hours of an issue."""
        return json_reply(legacy(call, "worklogs", self.records.worklogs(self._issue(call)), 5000, 5000))
