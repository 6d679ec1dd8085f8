"""What if a part of an answer does not come? The stored value stays, the hole is named, and the next run fills it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from apps.sources.base import Skip, Slice, SourceRecord
from apps.sources.errors import BadRequestError, ForbiddenError, NotFoundError, ServerError, SourceError
from apps.sources.github import GitHub
from apps.sources.github.definition import PULL_REQUESTS, REPOSITORIES
from apps.sources.github.extract import anew, dispatch
from apps.sources.github.extract.args import (
    ChildPage,
    ChildPagesArgs,
    EntityArgs,
    FormerNameArgs,
    IdsArgs,
    IndexArgs,
    ListArgs,
    NumberedId,
    NumbersArgs,
    OverviewArgs,
    RepositoryArgs,
    RepositoryListArgs,
    VanishedArgs,
)
from apps.sources.github.kept import whole
from apps.sources.rows import PullRequest, PullRequestComment, PullRequestCommit, PullRequestIssueLink, Review
from tests.unit.sources.github import payloads as github
from tests.unit.sources.github.memory import Extracted, MemoryContext, extract, tables
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
Json = dict[str, Any]
Path = tuple[str | int, ...]


def stored_repository() -> SourceRecord:
    payload = {"id": 5, "node_id": "R_5", "full_name": "acme/shop", "pushed_at": "2026-03-01T10:00:00Z"}
    return SourceRecord("repository", "5", json.dumps(payload).encode(), "acme/shop")


def stored_pull(node: Json) -> SourceRecord:
    return SourceRecord("pull_request", "707", json.dumps(node).encode(), "acme/shop")


def details(client_answer: Json, provider: ScriptedServer) -> None:
    listed = [{"id": "PR_7", "fullDatabaseId": "707", "number": 7, "updatedAt": "2026-03-04T10:00:00Z"}]
    home = {"id": "R_5", "nameWithOwner": "acme/shop", "pullRequests": github.nodes(listed)}

    def answer(seen: Seen) -> Say:
        name = seen.json()["query"].split("(")[0].split()[1]
        return Say(client_answer if name == "PullRequestDetails" else {"data": {"repositories": [home]}})

    provider.on("/graphql", answer)


def run(
    provider: ScriptedServer, step: str, *stored: SourceRecord, again: Any = None
) -> tuple[MemoryContext, Extracted]:
    records = {(each.entity, each.external_id): each for each in (stored_repository(), *stored)}
    with MemoryContext(provider.url, ("acme/shop",), SINCE, attempts=1, records=records) as context:
        return context, extract(context, (step,), 1, again={step: again or []})


def rows(context: MemoryContext) -> dict[str, dict[str, Any]]:
    source = GitHub()
    pulls = [record for record in context.records.values() if record.entity == "pull_request"]
    return tables([source.transform(record, context) for record in pulls])


def record_of(context: MemoryContext) -> SourceRecord:
    return context.records["pull_request", "707"]


def paths(value: Any, above: Path = ()) -> Iterator[Path]:
    """Every path in a pull request at which GitHub may answer with null."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        if inner is not None:
            yield (*above, step)
        yield from paths(inner, (*above, step))


def without(node: Json, path: Path) -> Json:
    """The node with a null at a path."""
    copy = json.loads(json.dumps(node))
    target = copy
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = None
    return dict(copy)


WHOLE = github.pull_request(
    labels={"nodes": [{"name": "bug"}, {"name": "urgent"}]},
    mergeCommit={"oid": "m1"},
    headRepository={"nameWithOwner": "acme/shop"},
    reviewDecision="APPROVED",
    totalCommentsCount=2,
)
IDENTITY = {"id", "fullDatabaseId", "number"}


@pytest.mark.parametrize("path", list(paths(WHOLE)), ids=lambda path: ".".join(map(str, path)))
def test_no_refused_part_of_a_pull_request_overwrites_anything(provider: ScriptedServer, path: Path) -> None:
    error = {"type": "FORBIDDEN", "path": ["nodes", 0, *path], "message": "Resource not accessible"}
    details({"data": {"nodes": [without(WHOLE, path)]}, "errors": [error]}, provider)
    context, extracted = run(provider, PULL_REQUESTS, stored_pull(WHOLE))
    before = tables([GitHub().transform(stored_pull(WHOLE), context)])
    after = rows(context)
    for table, found in after.items():
        assert {name: before[table][name] for name in found} == found, (table, context.records["pull_request", "707"])
    check_hole(extracted.skips)
    details({"data": {"nodes": [WHOLE]}}, provider)
    context, extracted = run(provider, PULL_REQUESTS, again=[skip.again for skip in extracted.skips])
    assert (rows(context), extracted.skips) == (before, [])


def check_hole(skips: list[Skip]) -> None:
    assert all(skip.is_missing and skip.again for skip in skips)
    (skip,) = [skip for skip in skips if skip.scope]  # beside it the answer as a whole may be odd
    assert skip.scope == "acme/shop"
    assert "acme/shop#7" in skip.reason
    assert skip.again == Slice("pull_request_details", {"ids": [["PR_7", "acme/shop", 7]]})


@pytest.mark.parametrize("name", ["labels", "assignees", "commits", "reviews", "reviewThreads", "comments"])
@pytest.mark.parametrize("value", [None, {"nodes": None}, {}])
def test_a_list_that_is_null_without_a_reason_is_a_hole(provider: ScriptedServer, name: str, value: Any) -> None:
    details({"data": {"nodes": [{**WHOLE, name: value}]}}, provider)
    context, extracted = run(provider, PULL_REQUESTS, stored_pull(WHOLE))
    check_hole(extracted.skips)
    before, after = tables([GitHub().transform(stored_pull(WHOLE), context)]), rows(context)
    assert after["pull_request"] == before["pull_request"]


@pytest.mark.parametrize("name", ["commits", "reviews", "comments"])
def test_an_announced_child_that_does_not_come_is_a_hole(provider: ScriptedServer, name: str) -> None:
    details({"data": {"nodes": [{**WHOLE, name: {**WHOLE[name], "totalCount": 2}}]}}, provider)
    _, extracted = run(provider, PULL_REQUESTS)
    check_hole(extracted.skips)
    assert "announces 2 and gives 1" in extracted.skips[0].reason


LISTS = ("commits", "reviews", "comments", "reviewThreads")


@pytest.mark.parametrize("name", [*LISTS, "a thread"])
@pytest.mark.parametrize("changes", [{"nodes": []}, {"totalCount": 4}, {"totalCount": 0}])
def test_a_list_without_what_it_announces_takes_nothing_away(
    provider: ScriptedServer, name: str, changes: Json
) -> None:
    node = json.loads(json.dumps(WHOLE))
    list_ = node["reviewThreads"]["nodes"][0]["comments"] if name == "a thread" else node[name]
    list_ |= changes
    details({"data": {"nodes": [node]}}, provider)
    context, extracted = run(provider, PULL_REQUESTS, stored_pull(WHOLE))
    check_hole(extracted.skips)
    assert f"{'comments' if name == 'a thread' else name}: GitHub announces" in extracted.skips[0].reason
    before, after = GitHub().transform(stored_pull(WHOLE), context), rows(context)
    assert after["pull_request"] == tables([before])["pull_request"]
    kept = {children.row_type for children in before.complete}
    kept -= {children.row_type for children in GitHub().transform(record_of(context), context).complete}
    of_commits = {PullRequestCommit, PullRequestIssueLink}
    assert kept == {"commits": of_commits, "reviews": {Review}}.get(name, {PullRequestComment})


@pytest.mark.parametrize(("first", "last", "number"), [(2, 1, 2), (2, 9, 2), (9, 2, 2), (1, 2, 2), (9, 9, 9)])
def test_a_further_page_completes_only_a_list_that_has_what_it_announces(
    provider: ScriptedServer, first: int, last: int, number: int
) -> None:
    node = {**WHOLE, "commits": github.nodes([github.commit("c1")], first, "k")}
    page = {**github.identity(), "commits": github.nodes([github.commit("c2")], last)}
    page |= {name: node[name] for name in ("updatedAt", "headRefOid", "totalCommentsCount")}
    provider.on(
        "/graphql",
        lambda seen: Say({"data": {"page0": page}} if "page0" in seen.json()["query"] else {"data": {"nodes": [node]}}),
    )
    context, extracted = run(provider, PULL_REQUESTS, again=[Slice.of("pull_request_details", IDS)])
    what = "The commits of pull request acme/shop#7 cannot be read"
    assert [what in skip.reason for skip in extracted.skips if "commits" in skip.reason] == [True] * (last != 2)
    (found,) = [record for record in context.records.values() if record.entity == "pull_request_commits"]
    transformed = GitHub().transform(found, context)
    row = tables([transformed])["pull_request"]["707"]
    assert isinstance(row, PullRequest)
    assert row.commit_count == number
    assert (PullRequestCommit in {children.row_type for children in transformed.complete}) == (last == 2)
    assert Review in {children.row_type for children in transformed.complete}
    positions = {one.external_id for one in transformed.rows if isinstance(one, PullRequestCommit)}
    assert positions == ({"707:c1", "707:c2"} if last == 2 else set())  # else stored positions stay


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"nodes": [None]}},
        {"data": {"nodes": []}},
        {"data": {"nodes": [None]}, "errors": [{"type": "FORBIDDEN", "path": ["nodes", 0], "message": "SAML"}]},
        {"data": {"nodes": [WHOLE]}, "errors": [{"message": "Some part failed"}]},
        {"data": {}},
        {"data": None},
        {},
    ],
)
def test_a_pull_request_that_does_not_come_is_a_hole_of_its_id(provider: ScriptedServer, answer: Json) -> None:
    details(answer, provider)
    _, extracted = run(provider, PULL_REQUESTS)
    check_hole(extracted.skips)


def test_the_payload_stays_byte_for_byte_before_what_is_kept(provider: ScriptedServer) -> None:
    node = json.dumps(without(WHOLE, ("labels",)), indent=1)
    error = {"type": "FORBIDDEN", "path": ["nodes", 0, "labels"], "message": "No"}
    details({}, provider)
    body = f'{{"data": {{"nodes": [{node}]}}, "errors": [{json.dumps(error)}]}}'.encode()
    listed = [{"id": "PR_7", "fullDatabaseId": "707", "number": 7, "updatedAt": "2026-03-04T10:00:00Z"}]
    home = {"id": "R_5", "nameWithOwner": "acme/shop", "pullRequests": github.nodes(listed)}
    provider.on("/graphql", Say({"data": {"repositories": [home]}}), Say(body))
    context, _ = run(provider, PULL_REQUESTS, stored_pull(WHOLE))
    payload = context.records["pull_request", "707"].payload
    assert payload.startswith(node.encode()[:-1])
    assert msgspec.json.decode(whole(payload)) == WHOLE


# --- refused slices --------------------------------------------------------------------------------------------------

IDS = IdsArgs([NumberedId("PR_7", "acme/shop", 7)])
PAGE = ChildPagesArgs([ChildPage("comments", "PR_7", "707", "c", 25)], 100)
INDEX = IndexArgs([("R_5", "acme/shop")], [("PR_7", "707", "acme/shop", "f")], 100)
FURTHER = ListArgs(url="/further?page=3", after="c", seen=200)
# A slice of each kind, as it may be refused.
SLICES = {
    "discovery": Slice("discovery"),
    "repositories": Slice.of("repositories", RepositoryListArgs("/organizations/1/repos?page=2", owner="acme")),
    "repository": Slice.of("repository", RepositoryArgs(is_alone=True), "acme/shop"),
    "former_name": Slice.of("former_name", FormerNameArgs("acme/shop")),
    "overview": Slice.of("overview", OverviewArgs([("R_5", "acme/shop")])),
    "pull_request_heads": Slice.of("pull_request_heads", INDEX),
    "vanished": Slice.of("vanished", VanishedArgs([("707", "null")]), "acme/shop"),
    "missing": Slice.of("missing", EntityArgs("release", ids=["1"]), "acme/shop"),
    "pull_request_pages": Slice.of("pull_request_pages", PAGE, "acme/shop"),
    "rest_pull_request_details": Slice.of("rest_pull_request_details", NumbersArgs([7]), "acme/shop"),
    "rest_deployment": Slice.of("rest_deployment", EntityArgs("deployment", ids=["1"]), "acme/shop"),
    "stored_pull_requests": Slice("stored_pull_requests", {}, "acme/shop"),
    **{
        kind: Slice.of(kind, IDS)
        for kind in ("pull_request_details", "deployment_details", "unresolved_pull_request", "unresolved_deployment")
    },
    **{
        kind: Slice.of(kind, FURTHER, "acme/shop")
        for kind in (
            *("releases", "deployments", "rest_deployments", "workflow_runs", "pull_requests", "rest_pull_requests"),
            *("rest_review_comments", "rest_issue_comments"),
        )
    },
}
WITHOUT_REQUEST = {"rest_overview", "rest_pull_request_heads", "delivery_ids"}


def test_every_kind_of_slice_is_tried() -> None:
    assert SLICES.keys() | WITHOUT_REQUEST == dispatch.FETCHERS.keys()


@pytest.mark.parametrize("kind", SLICES)
@pytest.mark.parametrize("error", [ForbiddenError("403"), NotFoundError("404", 404), ServerError("500", 500)])
@pytest.mark.parametrize("since", [SINCE, None])
def test_a_refused_slice_is_named_and_asked_for_from_its_beginning(
    kind: str, error: SourceError, since: datetime | None
) -> None:
    slice_ = SLICES[kind]
    records = {(each.entity, each.external_id): each for each in (stored_repository(), stored_pull(WHOLE))}
    with MemoryContext("http://127.0.0.1:1", since=since, records=records) as context:
        fetched = GitHub().refused(PULL_REQUESTS, slice_, error, context)
    assert fetched.skips
    for skip in fetched.skips:
        assert skip.is_missing
        assert skip.again
        assert skip.again.kind in dispatch.FETCHERS
        assert not skip.again.args.get("after")
        assert "page=2" not in str(skip.again.args.get("url"))
        assert str(error) in skip.reason
        if kind != "discovery":
            assert skip.scope in ("acme/shop", "acme")
            assert skip.scope in skip.reason
        if skip.again.kind in ("releases", "deployments", "workflow_runs", "pull_requests", "rest_pull_requests"):
            args = skip.again.read(ListArgs)
            assert args.with_sweep or args.since == since


@pytest.mark.parametrize("kind", [kind for kind, slice_ in SLICES.items() if anew.is_further(slice_)])
def test_a_refused_cursor_begins_the_list_anew_twice_at_most(kind: str) -> None:
    records = {(each.entity, each.external_id): each for each in (stored_repository(), stored_pull(WHOLE))}
    slice_, begun = SLICES[kind], 0
    with MemoryContext("http://127.0.0.1:1", since=SINCE, records=records) as context:
        while found := anew.fresh_start(slice_, BadRequestError("422", 422), context):
            (first,) = found
            assert not anew.is_further(first)
            begun += 1
            slice_ = slice_.replace_args(begun=first.args["begun"])
        assert anew.fresh_start(SLICES[kind], ForbiddenError("403", 403), context) == []
    assert begun == anew.MAX_FRESH_STARTS


@pytest.mark.parametrize("kind", anew.OBJECTS)
def test_a_slice_of_several_objects_is_divided_until_each_is_alone(kind: str) -> None:
    slice_ = SLICES[kind]
    (name, *_) = anew.OBJECTS[kind]
    objects = slice_.args[name]
    assert isinstance(objects, list)
    waiting, alone = [slice_.replace_args(**{name: objects * 5})], 0
    while waiting:
        one = waiting.pop()
        waiting += (divided := anew.parts(one))
        alone += not divided
    assert alone == 5 + (kind == "pull_request_heads")


@pytest.mark.parametrize(
    ("changes", "status", "message", "is_missing"),
    [
        ({"pushed_at": None}, 409, "Git Repository is empty.", False),
        ({}, 409, "Git Repository is empty.", True),
        ({}, 404, "Actions has been disabled for this repository.", False),
        ({"pushed_at": None}, 404, "Not Found", True),
    ],
)
def test_a_repository_that_has_none_lacks_nothing(
    provider: ScriptedServer, changes: Json, status: int, message: str, is_missing: bool
) -> None:
    payload = {**json.loads(stored_repository().payload), **changes}
    provider.on("/repos/acme/shop/actions/runs", Say({"message": message}, status))
    node: Json = {"id": "R_5", "nameWithOwner": "acme/shop", "pushedAt": "2026-03-04T10:00:00Z"}
    node |= {"releases": github.nodes([]), "deployments": github.nodes([])}
    provider.on("/graphql", Say({"data": {"nodes": [node]}}))
    provider.on("/repos/acme/shop", Say(payload))
    record = msgspec.structs.replace(stored_repository(), payload=json.dumps(payload).encode())
    _, extracted = run(provider, REPOSITORIES, record)
    assert [skip.is_missing for skip in extracted.skips] == [is_missing]
