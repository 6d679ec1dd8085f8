"""How do we query Jira Cloud? One typed call per endpoint. A record is kept as the bytes that Jira sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from apps.sources.base import SourceRecord
from apps.sources.errors import InvalidAnswerError, UnauthorizedError
from apps.sources.http import Answer, Http
from apps.sources.reading import Id, Name, note_odd_value, read_answer, read_quietly
from apps.sources.text import clean

T = TypeVar("T")

API = "rest/api/3"
AGILE = "rest/agile/1.0"
ACCOUNT = f"{API}/myself"
DEV = "rest/dev-status/latest/issue"

IDS_PER_PAGE = 5000
ISSUES_PER_CALL = 100
HISTORIES_PER_PAGE = 5000
EMBEDDED_COMMENTS = 20  # at most so many comments are inside an issue
PROJECT_DETAILS = "description,lead,issueTypes,url,projectKeys"


class Payload(msgspec.Struct, gc=False):
    """Base of the shapes of Jira's JSON: unknown fields are ignored."""


class IdPayload(Payload):
    """An object; we read only its id."""

    id: Id


class JiraPagePayload(Payload, rename="camel"):
    """A page of a list. The list ends with ``isLast`` or, without that field, at ``total``."""

    values: list[msgspec.Raw]
    is_last: bool | None = None
    total: int | None = None
    max_results: int | None = None

    def is_followed(self, end: int, total: int) -> bool:
        """Whether another page must follow this one, which ends at ``end``, if ``total`` was announced at most.

        A short page is no sign of the end: Jira silently lowers the size that was asked for.
        """
        if self.is_last is None and self.total is None:
            return bool(self.values)
        is_full = bool(self.values) and self.max_results == len(self.values)
        return self.is_last is False or end < total or (self.is_last is None and is_full)


class IssueNamePayload(Payload):
    """The id and key of an issue. A move changes the key, never the id. An unrequested key is ""."""

    id: Id
    key: Name = ""

    @property
    def project(self) -> str:
        """The key of the issue's project."""
        return self.key.rpartition("-")[0]


class ProjectNamePayload(Payload, rename="camel"):
    """The id and the key of a project, all keys that it has and had, and whether it is archived."""

    id: Id = ""
    key: Name = ""
    project_keys: list[Name] | None = None
    archived: bool | None = None

    @property
    def names(self) -> set[str]:
        """Everything by which a person may name it, in capital letters: its keys and its id."""
        return {name.upper() for name in (self.key, *(self.project_keys or ()), str(self.id)) if name}


class IssueIdsPayload(Payload, rename="camel"):
    """A page of ``search/jql`` with ids, and with keys if they were requested."""

    issues: list[IssueNamePayload]
    next_page_token: str | None = None
    is_last: bool | None = None

    @property
    def has_next(self) -> bool:
        """Whether another page follows. ``isLast`` or a missing token ends the list; a short page does not."""
        return bool(self.next_page_token) and not self.is_last

    def is_suspicious(self) -> bool:
        """Whether the page is empty but has a token, or is not the last one but has no token."""
        return (self.has_next and not self.issues) or (self.is_last is False and not self.next_page_token)


class IssueErrorPayload(Payload, rename="camel"):
    """An issue that the bulk fetch could not give this time."""

    id: Id = ""
    error_message: str | None = None


class IssuesPayload(Payload, rename="camel"):
    """The answer of the bulk fetch. Issues that do not exist are in neither list."""

    issues: list[msgspec.Raw]
    issue_errors: list[IssueErrorPayload] | None = None


class IssueHistoriesPayload(Payload, rename="camel"):
    """Histories of one issue. A page may contain only some of them."""

    issue_id: Id
    change_histories: list[msgspec.Raw]


class ChangelogsPayload(Payload, rename="camel"):
    """A page of the changelog bulk fetch."""

    issue_change_logs: list[IssueHistoriesPayload]
    next_page_token: str | None = None

    def is_empty(self) -> bool:
        """Whether there is no history at all. This is correct for issues that nobody has changed."""
        return not any(changes.change_histories for changes in self.issue_change_logs)


class CommentsPayload(Payload, rename="camel"):
    """A page of comments, an older kind of page: with ``total``, without ``isLast``."""

    comments: list[msgspec.Raw]
    total: int = 0
    max_results: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether another page may follow, whatever the total says."""
        return bool(self.comments) and len(self.comments) == self.max_results


def has_all_comments(number: int, total: int | None) -> bool:
    """Whether an issue contains all its comments if it contains ``number`` and announces ``total``.

    A full page is not believed: Jira may say its size instead of the total.
    """
    return total is not None and total <= number < EMBEDDED_COMMENTS


class JiraAccountPayload(Payload, rename="camel"):
    """The account that a token belongs to."""

    account_id: str = ""
    display_name: str | None = None
    email_address: str | None = None


class ServerInfoPayload(Payload, rename="camel"):
    """The kind of Jira: ``Cloud`` or ``Server`` (also Data Center)."""

    deployment_type: str | None = None
    version: str | None = None


class JiraClient:
    """Asks one Jira site. Every method raises :class:`~apps.sources.errors.SourceError`."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def get(self, path: str, shape: type[T], params: Mapping[str, Any] | None = None, attempts: int | None = None) -> T:
        """The answer for ``path``, read as ``shape``."""
        return authenticated(self.http.get(path, params, attempts=attempts)).decode(shape)

    def post(self, path: str, shape: type[T], json: Any, attempts: int | None = None) -> T:
        """The answer to a JSON body, read as ``shape``."""
        return authenticated(self.http.post(path, json, attempts=attempts)).decode(shape)

    def server(self) -> ServerInfoPayload:
        """The kind of Jira at the base URL."""
        return self.get(f"{API}/serverInfo", ServerInfoPayload)

    def myself(self) -> JiraAccountPayload:
        """The account behind the token."""
        return self.get(ACCOUNT, JiraAccountPayload)

    def everything(self, path: str) -> list[msgspec.Raw]:
        """A list without pages that is never empty: fields, issue types, statuses."""
        items = self.get(f"{API}/{path}", list[msgspec.Raw])
        if not items:
            raise InvalidAnswerError(f"Jira sent an empty list of {path}. Check that the account may see a project.")
        return items

    def projects(self, start: int, keys: Sequence[str] = ()) -> JiraPagePayload:
        """A page of the visible projects, or of those with one of at most 50 ``keys``."""
        params: dict[str, Any] = {"startAt": start, "maxResults": 100, "expand": PROJECT_DETAILS}
        if keys:
            params["keys"] = list(keys)
        return self.get(f"{API}/project/search", JiraPagePayload, params)

    def users(self, start: int) -> list[msgspec.Raw]:
        """A page of the user directory. Only an empty page is the last one: Jira removes users from full pages."""
        return self.get(f"{API}/users/search", list[msgspec.Raw], {"startAt": start, "maxResults": 1000})

    def boards(self, start: int) -> JiraPagePayload:
        """A page of boards."""
        return self.get(f"{AGILE}/board", JiraPagePayload, {"startAt": start, "maxResults": 50})

    def sprints(self, board: str, start: int) -> JiraPagePayload:
        """A page of a board's sprints."""
        return self.get(f"{AGILE}/board/{board}/sprint", JiraPagePayload, {"startAt": start, "maxResults": 50})

    def issue_ids(self, jql: str, token: str | None, field: str = "id") -> IssueIdsPayload:
        """A page of ids, or of ids and keys (``field``). A token belongs to exactly the query that gave it."""
        body: dict[str, Any] = {"jql": jql, "fields": [field], "maxResults": IDS_PER_PAGE}
        if token:
            body["nextPageToken"] = token
        return self.post(f"{API}/search/jql", IssueIdsPayload, body)

    def issues(self, ids: Sequence[str]) -> IssuesPayload:
        """At most 100 issues with all fields, so that a changed mapping needs no new call."""
        body = {"issueIdsOrKeys": list(ids), "fields": ["*all"]}
        return self.post(f"{API}/issue/bulkfetch", IssuesPayload, body, attempts=2)

    def issue(self, name: str) -> msgspec.Raw:
        """One issue by id, as the bulk fetch gives it."""
        return self.get(f"{API}/issue/{name}", msgspec.Raw, {"fields": "*all"}, attempts=2)

    def issue_name(self, name: str) -> msgspec.Raw:
        """Id and key of one issue by id or key."""
        return self.get(f"{API}/issue/{name}", msgspec.Raw, {"fields": "key"}, attempts=2)

    def issue_names(self, names: Sequence[str]) -> list[msgspec.Raw]:
        """Id and key of at most 100 issues (named by id or key), without those that Jira does not show."""
        return self.issue_fields(names, ["key"])

    def issue_fields(self, ids: Sequence[str], fields: Sequence[str]) -> list[msgspec.Raw]:
        """Some fields of at most 100 issues, without those issues that Jira does not show."""
        body = {"issueIdsOrKeys": list(ids), "fields": list(fields)}
        return self.post(f"{API}/issue/bulkfetch", IssuesPayload, body).issues

    def changelogs(self, ids: Sequence[str], token: str | None) -> ChangelogsPayload:
        """A page of the histories of at most 1,000 issues."""
        body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "maxResults": HISTORIES_PER_PAGE}
        if token:
            body["nextPageToken"] = token
        return self.post(f"{API}/changelog/bulkfetch", ChangelogsPayload, body, attempts=2)

    def changelog(self, issue: str, start: int) -> JiraPagePayload:
        """A page of the histories of one issue, oldest first."""
        params = {"startAt": start, "maxResults": 100}
        return self.get(f"{API}/issue/{issue}/changelog", JiraPagePayload, params, attempts=2)

    def comments(self, issue: str, start: int) -> CommentsPayload:
        """A page of an issue's comments, oldest first."""
        params = {"startAt": start, "maxResults": 100, "orderBy": "created"}
        return self.get(f"{API}/issue/{issue}/comment", CommentsPayload, params)

    def dev_summary(self, issue: str) -> msgspec.Raw:
        """The counts in the development panel of an issue (by numeric id). The endpoint is undocumented."""
        return self.get(f"{DEV}/summary", msgspec.Raw, {"issueId": issue}, attempts=3)

    def dev_pull_requests(self, issue: str, application: str) -> msgspec.Raw:
        """The pull requests that one application reports for an issue."""
        params = {"issueId": issue, "applicationType": application, "dataType": "pullrequest"}
        return self.get(f"{DEV}/detail", msgspec.Raw, params, attempts=3)


def authenticated(answer: Answer) -> Answer:
    """``answer``, if Jira accepted the token. With a bad token many of its lists are empty instead of refused."""
    reason = answer.headers.get("x-seraph-loginreason", "")
    if "FAILED" in reason or "DENIED" in reason:
        raise UnauthorizedError(
            "Jira does not accept the e-mail address and API token. Check both: the token may have expired.",
            401,
        )
    return answer


def site_url(base_url: str) -> str:
    """The base of all paths. It also accepts the address of a page or of the API."""
    for tail in (
        "/rest/",
        "/browse/",
        "/projects/",
        "/secure/",
        "/jira/software",
        "/jira/core",
        "/jira/your-work",
    ):
        base_url = f"{base_url}/".partition(tail)[0]
    return base_url.rstrip("/")


class RecordIdPayload(Payload, rename="camel"):
    """The two fields in which Jira's objects have their id."""

    id: Id | None = None
    account_id: Name | None = None


def raw_records(entity: str, items: Sequence[msgspec.Raw], *, scope: str = "", request: str = "") -> list[SourceRecord]:
    """One record per item, named by its ``id`` (or ``accountId``). An item with neither is left out and noted."""
    records, what = [], f"an element of {request or entity} without an id"
    for ids, payload in read_items(items, RecordIdPayload, what):
        name = clean(ids.account_id if ids.id is None else ids.id)
        if name:
            records.append(SourceRecord(entity, name, payload, scope, request))
        else:
            note_odd_value(what)
    return records


def read_items(items: Iterable[msgspec.Raw], shape: type[T], what: str) -> Iterator[tuple[T, bytes]]:
    """Each item read as ``shape``, and its payload. An item that cannot be read is left out and noted as ``what``."""
    for payload in map(bytes, items):
        try:
            yield read_quietly(payload, shape), payload
        except msgspec.DecodeError:
            note_odd_value(what)


def read_shape(payload: bytes, shape: type[T]) -> T:
    """A part of a record without its odd values; :class:`InvalidAnswerError` when it has another shape."""
    return _read(read_quietly, payload, shape)


def read_whole(payload: bytes, shape: type[T]) -> T:
    """As :func:`read_shape`, for what must be read as a whole: an odd value raises as well."""
    return _read(read_answer, payload, shape)


def _read(read: Callable[[bytes, type[T]], T], payload: bytes, shape: type[T]) -> T:
    try:
        return read(payload, shape)
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(f"Jira sent a record of an unknown shape ({error}).") from None
