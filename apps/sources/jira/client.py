"""How is Jira Cloud asked? One typed call per end point; of a record only the bytes are kept."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from apps.sources.base import RawRecord
from apps.sources.errors import InvalidAnswerError, UnauthorizedError
from apps.sources.http import Answer, Http
from apps.sources.text import read_json

T = TypeVar("T")
Id = str | int

API = "rest/api/3"
AGILE = "rest/agile/1.0"
DEV = "rest/dev-status/latest/issue"

IDS_PER_PAGE = 5000
ISSUES_PER_CALL = 100
HISTORIES_PER_PAGE = 5000
PROJECT_DETAILS = "description,lead,issueTypes,url,projectKeys"


class Shape(msgspec.Struct, gc=False):
    """Base of what is read: unknown fields are ignored."""


class Page(Shape, rename="camel"):
    """A page bean. It ends with ``isLast``, or, where that is missing, at ``total``."""

    values: list[msgspec.Raw] = []
    is_last: bool | None = None
    total: int | None = None

    def breaks_off(self) -> bool:
        """Whether the page is empty although it is not the last one."""
        return not self.values and self.is_last is False

    def following(self, start: int) -> int | None:
        """Where the next page starts when this one started at ``start``; ``None`` after the last one.

        The size asked for says nothing (it is clamped silently), and neither does a short page.
        """
        end = start + len(self.values)
        if not self.values or self.is_last or (self.is_last is None and self.total is not None and end >= self.total):
            return None
        return end


class Name(Shape):
    """What an issue is called: the id stays, the key changes when it is moved; "" where it was not asked for."""

    id: Id
    key: str = ""

    @property
    def project(self) -> str:
        """The key of the issue's project."""
        return self.key.rpartition("-")[0]


class IdPage(Shape, rename="camel"):
    """A page of ``search/jql`` with nothing but names."""

    issues: list[Name] = []
    next_page_token: str | None = None
    is_last: bool | None = None

    @property
    def goes_on(self) -> bool:
        """Stop on ``isLast`` or a missing token, never on a short page."""
        return bool(self.next_page_token) and not self.is_last

    def is_odd(self) -> bool:
        """Empty with a token, or not the last one without a token: possible, but suspicious."""
        return (self.goes_on and not self.issues) or (self.is_last is False and not self.next_page_token)


class IssueError(Shape, rename="camel"):
    """An issue that the bulk fetch could not give this time."""

    id: Id = ""
    error_message: str | None = None


class IssueBatch(Shape, rename="camel"):
    """The answer of the bulk fetch. Issues that do not exist (any more) are in neither list."""

    issues: list[msgspec.Raw] = []
    issue_errors: list[IssueError] | None = None


class IssueChanges(Shape, rename="camel"):
    """Histories of one issue; a page may hold only some of them."""

    issue_id: Id
    change_histories: list[msgspec.Raw] = []


class ChangelogPage(Shape, rename="camel"):
    """A page of the changelog bulk fetch."""

    issue_change_logs: list[IssueChanges] = []
    next_page_token: str | None = None

    def is_empty(self) -> bool:
        """Whether there is not one history: true of issues that nobody ever touched."""
        return not any(changes.change_histories for changes in self.issue_change_logs)


class CommentPage(Shape):
    """A page of comments (the older kind of pager: ``total``, no ``isLast``)."""

    comments: list[msgspec.Raw] = []
    total: int = 0

    def is_empty(self) -> bool:
        """Whether it holds no comment."""
        return not self.comments


class Account(Shape, rename="camel"):
    """Whose token it is."""

    account_id: str = ""
    display_name: str | None = None
    email_address: str | None = None


class Server(Shape, rename="camel"):
    """What kind of Jira it is: ``Cloud`` or ``Server`` (also Data Center)."""

    deployment_type: str | None = None
    version: str | None = None


class JiraClient:
    """Asks one Jira site. Every method raises :class:`~apps.sources.errors.SourceError`."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def get(self, path: str, shape: type[T], params: Mapping[str, Any] | None = None, attempts: int | None = None) -> T:
        """Ask for ``path`` and read the answer as ``shape``."""
        return authenticated(self.http.get(path, params, attempts=attempts)).decode(shape)

    def post(self, path: str, shape: type[T], json: Any, attempts: int | None = None) -> T:
        """Ask with a JSON body and read the answer as ``shape``."""
        return authenticated(self.http.post(path, json, attempts=attempts)).decode(shape)

    def server(self) -> Server:
        """What answers at the base URL."""
        return self.get(f"{API}/serverInfo", Server)

    def myself(self) -> Account:
        """The account behind the token."""
        return self.get(f"{API}/myself", Account)

    def everything(self, path: str) -> list[msgspec.Raw]:
        """A list that comes in one piece and is never empty on a living site: fields, issue types, statuses."""
        items = self.get(f"{API}/{path}", list[msgspec.Raw])
        if not items:
            raise InvalidAnswerError(f"Jira gives an empty list of {path}: check that the account may see a project.")
        return items

    def projects(self, start: int, keys: Sequence[str] = ()) -> Page:
        """A page of the visible projects (of those with one of at most 50 ``keys``)."""
        params: dict[str, Any] = {"startAt": start, "maxResults": 100, "expand": PROJECT_DETAILS}
        if keys:
            params["keys"] = list(keys)
        return self.get(f"{API}/project/search", Page, params)

    def users(self, start: int) -> list[msgspec.Raw]:
        """A page of the user directory. The last one is empty: a short one is only thinned out."""
        return self.get(f"{API}/users/search", list[msgspec.Raw], {"startAt": start, "maxResults": 1000})

    def boards(self, start: int) -> Page:
        """A page of boards."""
        return self.get(f"{AGILE}/board", Page, {"startAt": start, "maxResults": 50})

    def sprints(self, board: str, start: int) -> Page:
        """A page of a board's sprints."""
        return self.get(f"{AGILE}/board/{board}/sprint", Page, {"startAt": start, "maxResults": 50})

    def issue_ids(self, jql: str, token: str | None, field: str = "id") -> IdPage:
        """A page of ids, or of ids and keys (``field``). A token belongs to exactly the query that gave it."""
        asked: dict[str, Any] = {"jql": jql, "fields": [field], "maxResults": IDS_PER_PAGE}
        if token:
            asked["nextPageToken"] = token
        return self.post(f"{API}/search/jql", IdPage, asked)

    def issues(self, ids: Sequence[str]) -> IssueBatch:
        """At most 100 issues with all fields: a mapping that changes later must not need another call."""
        asked = {"issueIdsOrKeys": list(ids), "fields": ["*all"]}
        return self.post(f"{API}/issue/bulkfetch", IssueBatch, asked, attempts=2)

    def issue_names(self, names: Sequence[str]) -> list[msgspec.Raw]:
        """Id and key of those of at most 100 issues (by id or key) that are there and may be seen."""
        asked = {"issueIdsOrKeys": list(names), "fields": ["key"]}
        return self.post(f"{API}/issue/bulkfetch", IssueBatch, asked).issues

    def changelogs(self, ids: Sequence[str], token: str | None) -> ChangelogPage:
        """A page of the histories of at most 1,000 issues."""
        asked: dict[str, Any] = {"issueIdsOrKeys": list(ids), "maxResults": HISTORIES_PER_PAGE}
        if token:
            asked["nextPageToken"] = token
        return self.post(f"{API}/changelog/bulkfetch", ChangelogPage, asked, attempts=2)

    def comments(self, issue: str, start: int) -> CommentPage:
        """A page of an issue's comments, oldest first."""
        params = {"startAt": start, "maxResults": 100, "orderBy": "created"}
        return self.get(f"{API}/issue/{issue}/comment", CommentPage, params)

    def dev_summary(self, issue: str) -> msgspec.Raw:
        """The development panel's counts of an issue (by numeric id; the end point is undocumented)."""
        return self.get(f"{DEV}/summary", msgspec.Raw, {"issueId": issue})

    def dev_pull_requests(self, issue: str, application: str) -> msgspec.Raw:
        """The pull requests that one application reports for an issue."""
        params = {"issueId": issue, "applicationType": application, "dataType": "pullrequest"}
        return self.get(f"{DEV}/detail", msgspec.Raw, params)


def authenticated(answer: Answer) -> Answer:
    """``answer``, unless Jira served us as a stranger: with a bad token many lists are just empty."""
    reason = answer.headers.get("x-seraph-loginreason", "")
    if "FAILED" in reason or "DENIED" in reason:
        raise UnauthorizedError(
            "Jira does not accept the e-mail and API token and answers as to a stranger. "
            "Check both; the token may have expired.",
            401,
        )
    return answer


def site_url(base_url: str) -> str:
    """The base of all paths, also when somebody pasted the address of a page or of the API."""
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


class _Head(Shape, rename="camel"):
    id: Id | None = None
    account_id: str | None = None


def raw_records(entity: str, items: Sequence[msgspec.Raw], *, scope: str = "", request: str = "") -> list[RawRecord]:
    """One record per item, named by its ``id`` (or ``accountId``); what has neither cannot be stored."""
    records = []
    for item in items:
        payload = bytes(item)
        head = read_shape(payload, _Head)
        name = head.id if head.id is not None else head.account_id
        if name is not None:
            records.append(RawRecord(entity, str(name), payload, scope, request))
    return records


def read_shape(payload: bytes, shape: type[T]) -> T:
    """Part of a record; :class:`InvalidAnswerError` when it has another shape."""
    try:
        return read_json(payload, shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidAnswerError(f"Jira answered with a record of an unknown shape ({error}).") from None


def host_of(url: str) -> str:
    """The host name of ``url``."""
    return urlsplit(url).hostname or url
