"""Which kinds of requests does the product make? One entry for each; a request without an entry fails the test.

An entry says what a hole in the answer can do: where its lists and totals are, which tables are loaded from it, which
object a request is about, and with which words a run may speak of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.holes.exchange import FURTHER, Asked

# What a cut list shows of itself.
TOTAL = "total"  # the answer, or another one of the same run, says how many there are
STORED = "stored"  # a full list: what is stored and not listed is asked for by itself
NOTHING = ""  # a shorter list is an ordinary answer


@dataclass(frozen=True)
class Listing:
    """The list in an answer: the path of its items ("" for the whole answer), of its total, and what ends it."""

    items: str = ""
    total: str = ""
    ends: tuple[tuple[str, Any], ...] = ()


def connection(path: str) -> Listing:
    """A list in GraphQL."""
    return Listing(f"{path}.nodes", f"{path}.totalCount", ((f"{path}.pageInfo.hasNextPage", False),))


BEAN = Listing("values", "total", (("isLast", True),))
IDS = Listing("issues", "", (("isLast", True), ("nextPageToken", None)))
HISTORIES = Listing("issueChangeLogs", "", (("nextPageToken", None),))
COMMENTS = Listing("comments", "total")
BULK = Listing("issues")
PLAIN = Listing()
RUNS = Listing("workflow_runs", "total_count")
NODES = Listing("data.nodes")

ISSUES = frozenset(
    {"issue", "issue_change", "issue_comment", "issue_key", "issue_link", "user", "pull_request_issue_link"}
)
PULLS = frozenset(
    *({"pull_request", "commit", "pull_request_commit", "review", "pull_request_comment", "user"},),
) | {"pull_request_issue_link"}
DELIVERIES = frozenset({"release", "deployment", "workflow_run", "user"})
HUB = PULLS | DELIVERIES | {"repository", "scope_name"}
SITE = ISSUES | {"project", "scope_name", "project_status", "sprint"}


@dataclass(frozen=True)
class RequestKind:
    """One kind of request.

    ``feeds`` are the tables that are loaded from its answers. ``words`` is a pattern of what a run calls it. ``about``
    gives the objects that a request names, ``column`` is their name in the tables; without a column a hole hits all
    requests of the kind. ``is_bulk``: a request names many objects, and its answer has one item for each. ``end`` says
    what continues the list: ``token``, ``cursor``, ``url`` or "" for an offset. ``shows`` is what a cut list shows of
    itself. ``nullable`` are the GraphQL fields that a refusal sets to null. ``is_gate``: without it nothing is known.
    ``is_proof``: its 404 and 410 prove that an object was deleted. ``level`` is how many other requests come before it.
    """

    name: str
    feeds: frozenset[str] = frozenset()
    words: str = ""
    listing: Listing | None = None
    shows: str = NOTHING
    about: Callable[[Asked], list[str]] | None = None
    column: str = ""
    is_bulk: bool = False
    end: str = ""
    nullable: tuple[str, ...] = ()
    is_gate: bool = False
    is_proof: bool = False
    level: int = 0

    @property
    def is_further(self) -> bool:
        """Whether it is about the pages after the first one."""
        return self.name.endswith(FURTHER)

    @property
    def is_graphql(self) -> bool:
        """Whether it is a GraphQL query."""
        return self.name.startswith("GraphQL")

    @property
    def provider(self) -> str:
        """``jira`` or ``github``."""
        return "jira" if "/rest/" in self.name else "github"


# --- which objects a request is about ---------------------------------------------------------------------------------


def _segment(position: int) -> Callable[[Asked], list[str]]:
    return lambda asked: asked.path.split("/")[position : position + 1 or None]


def _repository(asked: Asked) -> list[str]:
    parts = asked.path.split("/")
    return [parts[3]] if parts[2] == "repositories" else ["/".join(parts[3:5])]


def _named_repository(asked: Asked) -> list[str]:
    return [f"{asked.variables.get('owner')}/{asked.variables.get('name')}"]


def _parameter(name: str) -> Callable[[Asked], list[str]]:
    return lambda asked: [asked.parameters[name]] if name in asked.parameters else []


def _body_ids(asked: Asked) -> list[str]:
    return [str(one) for one in asked.fields.get("issueIdsOrKeys", [])]


def _node_ids(asked: Asked) -> list[str]:
    """Every node id among the variables."""
    found: list[str] = []
    for name, value in asked.variables.items():
        if isinstance(value, list):
            found += map(str, value)
        elif name.startswith("id"):
            found.append(str(value))
    return found


_JIRA, _AGILE, _DEV = "/rest/api/3", "/rest/agile/1.0", "/rest/dev-status/latest/issue"
_REPO = "GET /repos/{repository}"


def _pages(kind: RequestKind, further_end: str = "") -> tuple[RequestKind, RequestKind]:
    """The kind, and the same for the pages after the first one."""
    values = {**vars(kind), "name": kind.name + FURTHER, "end": further_end, "level": kind.level + 1}
    return kind, RequestKind(**values)


def _proof(path: str, words: str, feeds: frozenset[str], column: str) -> RequestKind:
    return RequestKind(f"GET {path}/{{id}}", feeds, words, about=_segment(-1), column=column, is_proof=True, level=4)


JIRA_KINDS: tuple[RequestKind, ...] = (
    RequestKind(f"GET {_JIRA}/myself", SITE, is_gate=True),
    RequestKind(f"GET {_JIRA}/serverInfo", frozenset(), "server"),
    *_pages(RequestKind(f"GET {_JIRA}/project/search", SITE, "project", BEAN, TOTAL)),
    *_pages(RequestKind(f"GET {_JIRA}/project/search (chosen)", SITE, "project", BEAN, TOTAL)),
    RequestKind(f"GET {_JIRA}/field", ISSUES, "field", PLAIN),
    RequestKind(f"GET {_JIRA}/issuetype", frozenset({"work_item_type"}), "issue ?type", PLAIN, STORED),
    *_pages(RequestKind(f"GET {_JIRA}/users/search", frozenset({"user"}), "user|people", PLAIN)),
    RequestKind(f"GET {_JIRA}/status", frozenset({"status"}), "status", PLAIN, STORED),
    RequestKind(
        f"GET {_JIRA}/project/{{id}}/statuses",
        frozenset({"project_status"}),
        "status",
        PLAIN,
        about=_segment(-2),
        column="project",
        level=2,
    ),
    *_pages(RequestKind(f"GET {_AGILE}/board", frozenset({"sprint"}), "board", BEAN, TOTAL, level=2)),
    *_pages(
        RequestKind(
            f"GET {_AGILE}/board/{{id}}/sprint",
            frozenset({"sprint"}),
            "sprint",
            BEAN,
            TOTAL,
            about=_segment(-2),
            column="board",
            level=4,
        )
    ),
    *_pages(RequestKind(f"POST {_JIRA}/search/jql (changes)", ISSUES, "issue|search/jql", IDS, level=2), "token"),
    *_pages(
        RequestKind(f"POST {_JIRA}/search/jql (all ids)", ISSUES, "issue|search/jql", IDS, STORED, level=2), "token"
    ),
    RequestKind(
        f"POST {_JIRA}/issue/bulkfetch (issues)",
        ISSUES,
        "issue",
        BULK,
        TOTAL,
        about=_body_ids,
        column="issue",
        is_bulk=True,
        level=3,
    ),
    RequestKind(
        f"POST {_JIRA}/issue/bulkfetch (keys)", ISSUES, "issue|epic", BULK, about=_body_ids, is_bulk=True, level=3
    ),
    RequestKind(
        f"POST {_JIRA}/issue/bulkfetch (panels)",
        frozenset({"pull_request_issue_link"}),
        "panel",
        BULK,
        STORED,
        about=_body_ids,
        column="issue",
        is_bulk=True,
        level=3,
    ),
    *_pages(
        RequestKind(
            f"POST {_JIRA}/changelog/bulkfetch",
            frozenset({"issue_change", "issue_key", "user"}),
            "changelog|histor",
            HISTORIES,
            STORED,
            about=_body_ids,
            column="issue",
            is_bulk=True,
            level=4,
        ),
        "token",
    ),
    *_pages(
        RequestKind(
            f"GET {_JIRA}/issue/{{id}}/changelog",
            frozenset({"issue_change", "issue_key", "user"}),
            "changelog|histor",
            BEAN,
            TOTAL,
            about=_segment(-2),
            column="issue",
            level=5,
        )
    ),
    *_pages(
        RequestKind(
            f"GET {_JIRA}/issue/{{id}}/comment",
            frozenset({"issue_comment", "user"}),
            "comment",
            COMMENTS,
            TOTAL,
            about=_segment(-2),
            column="issue",
            level=4,
        )
    ),
    *(
        RequestKind(
            f"GET {_DEV}/{name}",
            frozenset({"pull_request_issue_link"}),
            "development",
            about=_parameter("issueId"),
            column="issue",
            level=level,
        )
        for name, level in (("summary", 4), ("detail", 5))
    ),
    _proof(f"{_JIRA}/project", "project", SITE, "project"),
    _proof(f"{_JIRA}/issuetype", "issue.type", frozenset({"work_item_type"}), "work_item_type"),
    _proof(f"{_JIRA}/status", "status", frozenset({"status"}), "status"),
    _proof(f"{_AGILE}/board", "board", frozenset(), "board"),
    _proof(f"{_AGILE}/sprint", "sprint", frozenset({"sprint"}), "sprint"),
    _proof(f"{_JIRA}/issue", "issue", ISSUES, "issue"),
)


def _of_repository(path: str, feeds: frozenset[str], words: str, listing: Listing | None, shows: str = NOTHING) -> Any:
    level = 5 if "{id}" in path or "comments" in path else 4
    return _pages(
        RequestKind(
            f"{_REPO}/{path}", feeds, words, listing, shows, about=_repository, column="repository", level=level
        ),
        "url",
    )


def _query(name: str, feeds: frozenset[str], words: str, **more: Any) -> RequestKind:
    return RequestKind(f"GraphQL {name}", feeds, words, **more)


_CHILDREN = ("labels", "assignees", "commits", "reviews", "reviewThreads", "comments", "author", "headRepository")
_LISTS = "commits|reviews|reviewThreads|comments"
_IDENTIFIED: dict[str, Any] = {"about": _node_ids, "is_bulk": True}
_NAMED: dict[str, Any] = {"about": _named_repository, "column": "repository", "level": 4}
_HUB_WORDS = "repositor|meridian-labs/"
_PULL_WORDS = "pull.request|meridian-labs/"

GITHUB_KINDS: tuple[RequestKind, ...] = (
    *_pages(RequestKind("GET /user/orgs", HUB, "organi[sz]ation", PLAIN), "url"),
    *_pages(RequestKind("GET /user/repos", HUB, _HUB_WORDS, PLAIN, STORED), "url"),
    RequestKind("GET /orgs/{organisation}/repos", HUB, _HUB_WORDS, PLAIN, STORED, level=1),
    RequestKind(
        f"GET /organizations/{{id}}/repos{FURTHER}",
        HUB,
        "repositor|organi[sz]ation|meridian-labs",
        PLAIN,
        STORED,
        end="url",
        level=2,
    ),
    RequestKind(_REPO, HUB, _HUB_WORDS, about=_repository, column="repository", level=1),
    RequestKind(
        "GET /repositories/{id}", HUB, _HUB_WORDS, about=_segment(-1), column="repository", is_proof=True, level=3
    ),
    *_of_repository("releases", frozenset({"release", "user"}), "release", PLAIN),
    *_of_repository("deployments", frozenset({"deployment", "user"}), "deployment", PLAIN),
    *_of_repository("deployments/{id}/statuses", frozenset({"deployment"}), "deployment", PLAIN),
    *_of_repository("actions/runs", frozenset({"workflow_run", "user"}), "run", RUNS, TOTAL),
    *_of_repository("pulls", PULLS, _PULL_WORDS, PLAIN),
    *_of_repository("pulls/comments", frozenset({"pull_request_comment", "user"}), "comment", PLAIN),
    *_of_repository("issues/comments", frozenset({"pull_request_comment", "user"}), "comment", PLAIN),
    RequestKind(
        f"{_REPO}/pulls/{{id}}", PULLS, _PULL_WORDS, about=_repository, column="repository", is_proof=True, level=3
    ),
    *_of_repository("pulls/{id}/commits", PULLS, "pull.request|commit", PLAIN, TOTAL),
    *_of_repository("pulls/{id}/reviews", PULLS, "pull.request|review", PLAIN),
    *(
        RequestKind(
            f"{_REPO}/{path}/{{id}}", feeds, words, about=_repository, column="repository", is_proof=True, level=3
        )
        for path, feeds, words in (
            ("releases", frozenset({"release"}), "release"),
            ("deployments", frozenset({"deployment"}), "deployment"),
            ("issues/comments", frozenset({"pull_request_comment"}), "comment"),
            ("pulls/comments", frozenset({"pull_request_comment"}), "comment"),
        )
    ),
    RequestKind("GET /rate_limit"),
    _query("Working", frozenset(), "GraphQL"),
    *_pages(
        _query(
            "PullRequests",
            PULLS,
            _PULL_WORDS,
            listing=connection("data.repository.pullRequests"),
            shows=TOTAL,
            nullable=("data.repository.pullRequests",),
            **_NAMED,
        ),
        "cursor",
    ),
    *(
        _query(
            f"PullRequestHeads ({what})",
            PULLS,
            _PULL_WORDS,
            listing=connection("data.repositories.*.pullRequests"),
            shows=TOTAL,
            nullable=nullable,
            level=3,
            **_IDENTIFIED,
        )
        for what, nullable in (
            ("newest", ("data.repositories.*", "data.repositories.*.pullRequests")),
            ("stored", ("data.known0.*",)),
            ("newest and stored", ("data.repositories.*", "data.repositories.*.pullRequests", "data.known0.*")),
        )
    ),
    _query(
        "PullRequestDetails",
        PULLS,
        _PULL_WORDS,
        level=4,
        listing=connection(f"data.nodes.*.{_LISTS}"),
        shows=TOTAL,
        nullable=("data.nodes.*", *(f"data.nodes.*.{name}" for name in _CHILDREN)),
        **_IDENTIFIED,
    ),
    _query(
        "Pages",
        PULLS,
        _PULL_WORDS,
        level=5,
        listing=connection(f"data.page*.{_LISTS}"),
        shows=TOTAL,
        end="cursor",
        nullable=("data.page*", "data.page*.commits", "data.page*.comments", "data.page*.reviews"),
        **_IDENTIFIED,
    ),
    *_pages(
        _query(
            "Deployments",
            frozenset({"deployment", "user"}),
            "deployment",
            listing=connection("data.repository.deployments"),
            shows=TOTAL,
            **_NAMED,
            nullable=("data.repository.deployments", "data.repository.deployments.nodes.*.statuses"),
        ),
        "cursor",
    ),
    _query(
        "DeploymentDetails",
        frozenset({"deployment", "user"}),
        "deployment",
        level=4,
        listing=NODES,
        shows=TOTAL,
        nullable=("data.nodes.*", "data.nodes.*.statuses", "data.nodes.*.creator", "data.nodes.*.ref"),
        **_IDENTIFIED,
    ),
    _query(
        "Overview",
        DELIVERIES | {"repository"},
        _HUB_WORDS,
        level=3,
        listing=connection("data.nodes.*.releases|deployments"),
        shows=TOTAL,
        nullable=(
            *("data.nodes.*", "data.nodes.*.releases", "data.nodes.*.deployments"),
            *("data.nodes.*.defaultBranchRef", "data.nodes.*.pullRequests"),
        ),
        **_IDENTIFIED,
    ),
    *(
        kind
        for what in ("releases", "deployments")
        for kind in _pages(
            _query(
                f"Deliveries ({what})",
                frozenset({what.removesuffix("s"), "user"}),
                what.removesuffix("s"),
                listing=connection(f"data.repository.{what}"),
                shows=TOTAL,
                **_NAMED,
                nullable=(f"data.repository.{what}",),
            ),
            "cursor",
        )
    ),
)

KINDS = {kind.name: kind for kind in (*JIRA_KINDS, *GITHUB_KINDS)}
