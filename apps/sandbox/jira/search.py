"""How does Jira search? With `search/jql` and its tokens, an approximate count, and an endpoint that was removed."""

from collections import OrderedDict
from typing import Any

import msgspec
from starlette.responses import Response

from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json, join
from apps.sandbox.http import ApiCall, ApiError, Handler, json_reply
from apps.sandbox.jira.errors import REMOVED, bad, collection
from apps.sandbox.jira.jql import JqlError, JqlParser
from apps.sandbox.jira.pager import make_token, read_token
from apps.sandbox.jira.records import Records, Selection

MAX_PAGE = 100
_KEPT_RESULTS = 64


class Search:
    """Search on a site; the result of a query is stored until something changes."""

    def __init__(self, world: World, records: Records) -> None:
        self.world = world
        self.records = records
        self._results: OrderedDict[tuple[str, bool], tuple[int, list[SampleIssue]]] = OrderedDict()
        self.table: list[tuple[str, Handler, tuple[str, ...]]] = [
            ("/rest/api/3/search/jql", self.search, ("GET", "POST")),
            ("/rest/api/3/search/approximate-count", self.count, ("POST",)),
            ("/rest/api/3/search", _removed, ("GET", "POST")),
            ("/rest/api/2/search", _removed, ("GET", "POST")),
        ]

    def search(self, call: ApiCall) -> Response:
        """One page of a bounded query."""
        asked = _parameters(call)
        selection = Selection.of(asked["fields"], asked["expand"])
        found = self._find(asked["jql"], has_scopes=call.has_scopes)
        ceiling = self.world.options.ids_per_page if selection.has_only_ids else MAX_PAGE
        size = max(1, min(asked["maxResults"], ceiling))
        bound = f"{asked['jql']}\n{sorted(asked['fields'])}"
        start = 0
        if asked["nextPageToken"]:
            try:
                (start,) = read_token(asked["nextPageToken"], bound)
            except ValueError:
                raise bad("The provided next page token is invalid or expired.") from None
        shown = found[start : start + size]
        last = start + size >= len(found)
        page: Json = {"issues": msgspec.Raw(join([self.records.issue(i, selection) for i in shown]))}
        if not last:
            page["nextPageToken"] = make_token(bound, start + size)
        elif call.body is not None:
            page["nextPageToken"] = None
        return json_reply(page | {"isLast": last})

    def count(self, call: ApiCall) -> Response:
        """The number of matches. It is exact here; on a real site it is an estimate."""
        return json_reply({"count": len(self._find(_text(call.body, "jql"), has_scopes=call.has_scopes))})

    def _find(self, jql: str, *, has_scopes: bool) -> list[SampleIssue]:
        kept = self._results.get((jql, has_scopes))
        if kept and kept[0] == self.world.version:
            return kept[1]
        parser = JqlParser(self._project_key if has_scopes else lambda value: None, self.world.site.find)
        try:
            found = parser.parse(jql).select(list(self.world.site.by_id.values()) if has_scopes else [])
        except JqlError as error:
            raise bad(str(error)) from None
        self._results[jql, has_scopes] = (self.world.version, found)
        if len(self._results) > _KEPT_RESULTS:
            self._results.popitem(last=False)
        return found

    def _project_key(self, value: str) -> str | None:
        """The present key of a project; a query may name it by its id, its name or any key that it has or had."""
        site = self.world.site
        project = site.find_project(value)
        if project is None:
            project = next((p for p in site.projects if p.name.lower() == value.lower()), None)
        return project.key if project and not project.archived else None


def _text(body: Any, name: str) -> str:
    value = body.get(name, "") if isinstance(body, dict) else None
    if not isinstance(value, str):
        raise bad("Invalid request payload. Refer to the REST API documentation and try again.")
    return value


def _parameters(call: ApiCall) -> dict[str, Any]:
    """The parameters of a GET or a POST in the same form."""
    if call.body is None:
        query = call.query
        size = query.get("maxResults", "50")
        return {
            "jql": query.get("jql", ""),
            "nextPageToken": query.get("nextPageToken"),
            "fields": [f for v in query.getlist("fields") for f in v.split(",")] or ["id"],
            "expand": query.get("expand", "").split(","),
            "maxResults": int(size) if size.isdigit() else 50,
        }
    body = call.body
    expand = _text(body, "expand")
    fields, size = body.get("fields") or ["id"], body.get("maxResults", 50)
    if not isinstance(fields, list) or not isinstance(size, int):
        raise bad("Invalid request payload. Refer to the REST API documentation and try again.")
    return {"jql": _text(body, "jql"), "nextPageToken": body.get("nextPageToken"), "fields": fields,
            "expand": expand.split(","), "maxResults": size}  # fmt: skip


def _removed(call: ApiCall) -> Response:
    raise ApiError(410, collection(REMOVED))
