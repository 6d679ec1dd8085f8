"""Which repositories are there, and what was released, deployed and run in them? The first step's slices."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, RawRecord, Skip, Slice
from apps.sources.errors import Forbidden, InvalidAnswer, NotFound
from apps.sources.github import heads, queries
from apps.sources.github.client import TOO_MUCH, Client, ask_less, attempts_for, hole, owner_and_name, repository_path
from apps.sources.github.window import Window, window
from apps.sources.http import Answer
from apps.sources.text import parse_time, read_json

# A run or a deployment keeps its place in its list while it goes on, is repeated or waits for an approval.
LAG = timedelta(days=3)
DEPLOYMENTS_PER_SLICE = 30
PER_REPOSITORY = ("releases", "deployments", "workflow_runs")


class _Owner(msgspec.Struct):
    login: str = ""


class _Repository(msgspec.Struct):
    full_name: str
    id: Any = None
    updated_at: Any = None


class _Dated(msgspec.Struct):
    id: Any = None
    created_at: Any = None
    published_at: Any = None
    updated_at: Any = None


class _Runs(msgspec.Struct):
    total_count: int = 0
    workflow_runs: list[msgspec.Raw] = []


class _Deployment(msgspec.Struct, rename="camel"):
    database_id: Any = None
    created_at: Any = None
    updated_at: Any = None


def start(scopes: Iterable[str]) -> list[Slice]:
    """One slice per named repository, or the one that discovers them all."""
    named: dict[str, str] = {}
    for scope in scopes:
        named.setdefault(scope.strip().lower(), scope.strip())
    return [Slice("repository", {}, scope) for scope in named.values()] or [Slice("discovery")]


def discovery(client: Client, piece: Slice, context: Context) -> Fetched:
    """The viewer's own lists and those of the organisations, so that no repository is listed twice."""
    try:
        items = client.every_item("/user/orgs")
    except (Forbidden, NotFound):  # a token without organisations still has repositories
        items = []
    logins = [read_json(bytes(item), _Owner).login for item in items]
    own = Slice(
        "repositories",
        {
            "url": "/user/repos?per_page=100&affiliation=owner,collaborator,organization_member",
            "not_of": logins,
        },
    )
    return Fetched(
        follow_ups=[
            own,
            *(Slice("repositories", {"url": f"/orgs/{login}/repos?per_page=100"}) for login in logins),
        ]
    )


def repositories(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of a list of repositories."""
    try:
        answer = client.page(piece.args["url"])
    except (Forbidden, NotFound) as error:
        if "not_of" in piece.args:
            raise
        return Fetched(skips=[Skip("", f"The repositories of an organisation cannot be listed: {error}")])
    others = {login.lower() for login in piece.args.get("not_of", [])}
    fetched = Fetched(follow_ups=next_page(piece, answer))
    for payload in map(bytes, answer.decode(list[msgspec.Raw])):
        head = heads.glance(payload, _Repository)
        if not (head and head.full_name.partition("/")[0].lower() in others):
            add_repository(fetched, head, payload, answer)
    if answer.headers.get("x-github-sso", "").startswith("partial-results"):
        fetched.skips.append(
            Skip("", "Some organisations are left out: authorise the token for their single sign-on (SSO).")
        )
    return fetched


def repository(client: Client, piece: Slice, context: Context) -> Fetched:
    """One named repository; a renamed one answers under its new name."""
    answer = client.http.get(repository_path(piece.scope))
    fetched = Fetched()
    add_repository(fetched, heads.glance(answer.body, _Repository), answer.body, answer)
    return fetched


def add_repository(fetched: Fetched, head: _Repository | None, payload: bytes, answer: Answer) -> None:
    """Take one repository, and go on with what happened in it."""
    record = RawRecord("repository", heads.external_id(head and head.id, payload), payload)
    record.request = f"GET {answer.url}"
    fetched.records.append(record)
    fetched.expected["repository"] = fetched.expected.get("repository", 0) + 1
    if head:
        record.scope, record.updated_at = head.full_name, parse_time(head.updated_at)
        fetched.follow_ups += [Slice(kind, {}, head.full_name) for kind in PER_REPOSITORY]


def releases(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of releases, newest first."""
    answer = client.page(piece.args.get("url", f"{repository_path(piece.scope)}/releases"))
    return dated_page("release", answer.decode(list[msgspec.Raw]), piece, answer, window(context, piece.scope))


def workflow_runs(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of workflow runs, newest first. Without a filter: a filtered list ends after 1,000 runs."""
    answer = client.page(piece.args.get("url", f"{repository_path(piece.scope)}/actions/runs"))
    page, wanted = answer.decode(_Runs), window(context, piece.scope, LAG)
    fetched = dated_page("workflow_run", page.workflow_runs, piece, answer, wanted)
    if wanted.is_open:
        fetched.expected = {} if "url" in piece.args else {"workflow_run": page.total_count}
    return fetched


def dated_page(entity: str, items: list[msgspec.Raw], piece: Slice, answer: Answer, wanted: Window) -> Fetched:
    """The wanted records of a page, and the next page unless this one ends before the range."""
    fetched, is_past = Fetched(), False
    for payload in map(bytes, items):
        head = heads.glance(payload, _Dated) or _Dated()
        stamps = (parse_time(text) for text in (head.updated_at, head.published_at, head.created_at))
        newest = max((stamp for stamp in stamps if stamp), default=None)
        is_past = wanted.is_before(newest)
        if wanted.wants(newest):
            name = heads.external_id(head.id, payload)
            fetched.records.append(RawRecord(entity, name, payload, piece.scope, f"GET {answer.url}", newest))
    fetched.expected = {entity: len(fetched.records)}
    fetched.follow_ups = [] if is_past else next_page(piece, answer)
    return fetched


def deployments(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of deployments with their statuses."""
    after, first = piece.args.get("after"), piece.args.get("first", queries.LISTED)
    variables = {**owner_and_name(piece.scope), "first": first, "after": after}
    try:
        told = client.graphql(queries.DEPLOYMENTS, variables, heads.RepositoryAnswer, attempts_for(first))
    except TOO_MUCH as error:
        return ask_less(piece, first, error)
    if told.data.repository is None or told.data.repository.deployments is None:
        raise hole(told.errors, piece.scope)
    page, wanted = told.data.repository.deployments, window(context, piece.scope, LAG)
    fetched, is_past = Fetched(), False
    request = f"POST {client.graphql_url} Deployments {piece.scope}"
    for payload in map(bytes, page.nodes):
        head = heads.glance(payload, _Deployment) or _Deployment()
        created_at = parse_time(head.created_at)
        is_past = wanted.is_before(created_at)
        if wanted.wants(created_at):
            name, updated_at = heads.external_id(head.database_id, payload), parse_time(head.updated_at)
            fetched.records.append(RawRecord("deployment", name, payload, piece.scope, request, updated_at))
    if not wanted.is_open:
        fetched.expected = {"deployment": len(fetched.records)}
    elif after is None:
        fetched.expected = {"deployment": page.total_count}
    cursor = page.page_info.next_after(after, f"deployments of {piece.scope}")
    if cursor and not is_past:
        fetched.follow_ups = [Slice(piece.kind, {"after": cursor, "first": first}, piece.scope)]
    return fetched


def rest_deployments(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of deployments over REST; each record holds the deployment and its statuses side by side."""
    path = f"{repository_path(piece.scope)}/deployments"
    answer = client.page(piece.args.get("url", path), per_page=DEPLOYMENTS_PER_SLICE)
    wanted = window(context, piece.scope, LAG)
    fetched = dated_page("deployment", answer.decode(list[msgspec.Raw]), piece, answer, wanted)
    for record in fetched.records:
        statuses = client.page(f"{path}/{record.external_id}/statuses").decode(list[msgspec.Raw])
        record.payload = msgspec.json.encode({"deployment": msgspec.Raw(record.payload), "statuses": statuses})
    return fetched


def next_page(piece: Slice, answer: Answer) -> list[Slice]:
    """The slice of the page that the Link header names, none at the end."""
    url = answer.link("next")
    if not url:
        return []
    if url == answer.url or url == piece.args.get("url"):
        raise InvalidAnswer(f"GitHub's list {url} leads back to a page that was read already.")
    return [Slice(piece.kind, {**piece.args, "url": url}, piece.scope)]
