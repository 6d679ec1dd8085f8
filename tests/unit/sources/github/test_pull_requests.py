"""Are all pull requests and all of their children read, even if GitHub does not answer large queries?"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources.errors import RateLimitedError, ServerError
from apps.sources.github.definition import PULL_REQUESTS
from apps.sources.rows import PullRequestCommit, Review
from tests.unit.sources.github import payloads as github
from tests.unit.sources.github.memory import (
    Extracted,
    MemoryContext,
    extract,
    tables,
    transform,
    without_comment_counts,
)
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

Resolve = Callable[[dict[str, Any]], Say]
WRONG = "Something went wrong while executing your query. Please include `A1:B2` when reporting this issue."


def run(provider: ScriptedServer, threads: int = 2, **options: Any) -> tuple[MemoryContext, Extracted]:
    with MemoryContext(provider.url, ("acme/shop",), attempts=1, **options) as context:
        return context, extract(context, (PULL_REQUESTS,), threads)


def graphql(provider: ScriptedServer, **resolvers: Resolve) -> None:
    """Answers by the name of the query; ``Working`` is always there."""

    def answer(seen: Seen) -> Say:
        asked = seen.json()
        name = asked["query"].split("(")[0].split()[1]
        if name == "Working":
            return Say({"data": {"rateLimit": None}})
        return resolvers[name](asked["variables"] | {"query": asked["query"]})

    provider.on("/graphql", answer)


def listed(*numbers: int, day: Callable[[int], int] = lambda number: 4, **page: Any) -> Say:
    found = [{"id": f"PR_{n}", "number": n, "updatedAt": f"2026-03-{day(n):02}T10:00:00Z"} for n in numbers]
    body = {**github.nodes(found), **page}
    return Say({"data": {"repository": {"nameWithOwner": "acme/shop", "pullRequests": body}}})


def detailed(variables: dict[str, Any]) -> Say:
    return Say({"data": {"nodes": [github.pull_request(int(name[3:])) for name in variables["ids"]]}})


def queries_sent(provider: ScriptedServer, name: str) -> list[dict[str, Any]]:
    asked = [seen.json() for seen in provider.calls("/graphql")]
    return [each["variables"] for each in asked if each["query"].startswith(f"query {name}")]


def test_ids_are_read_first_then_details_in_pieces(provider: ScriptedServer) -> None:
    def page(variables: dict[str, Any]) -> Say:
        if variables["after"]:
            return listed(*range(101, 131), totalCount=130)
        return listed(*range(1, 101), totalCount=130, pageInfo={"hasNextPage": True, "endCursor": "c"})

    graphql(provider, PullRequests=page, PullRequestDetails=detailed)
    context, extracted = run(provider)
    assert len(context.records) == 130
    assert extracted.expected == {
        "pull_request": 130,
        "commit": 130,
        "review": 130,
        "review_comment": 130,
        "issue_comment": 130,
    }
    assert sorted(len(asked["ids"]) for asked in queries_sent(provider, "PullRequestDetails")) == [
        5,
        25,
        25,
        25,
        25,
        25,
    ]
    assert len(provider.seen) == 8


def test_a_record_is_the_node_byte_for_byte(provider: ScriptedServer) -> None:
    node = json.dumps(github.pull_request(), indent=1).encode()
    body = b'{"data": {"rateLimit": null, "nodes": [' + node + b"]}}"
    graphql(provider, PullRequests=lambda v: listed(7), PullRequestDetails=lambda v: Say(body))
    context, _ = run(provider)
    assert context.records["pull_request", "707"].payload == node


def test_the_list_ends_at_the_first_one_before_the_range(provider: ScriptedServer) -> None:
    more = {"pageInfo": {"hasNextPage": True, "endCursor": "c"}}
    graphql(
        provider,
        PullRequests=lambda v: listed(9, 8, 7, 6, day=lambda n: n, **more),
        PullRequestDetails=detailed,
    )
    context, extracted = run(provider, since=datetime(2026, 3, 7, tzinfo=UTC), until=datetime(2026, 3, 9, tzinfo=UTC))
    assert {record.external_id for record in context.records.values()} == {"708", "707"}
    assert extracted.expected["pull_request"] == 2
    assert len(provider.seen) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        Say({"data": None, "errors": [{"message": WRONG}]}),
        Say({"data": {"nodes": []}, "errors": [{"type": "RESOURCE_LIMITS_EXCEEDED", "message": "too much"}]}),
        Say(b"<html>502</html>", 502, {"Content-Type": "text/html"}),
        Say({"message": "We couldn't respond to your request in time."}, 504),
        Say(b"<html>busy</html>", 200, {"Content-Type": "text/html"}),
        Say({"data": {"nodes": []}}, cut=5),
    ],
)
def test_less_is_asked_for_and_stays_so(provider: ScriptedServer, trouble: Say) -> None:
    def details(variables: dict[str, Any]) -> Say:
        return trouble if len(variables["ids"]) > 6 else detailed(variables)

    graphql(provider, PullRequests=lambda v: listed(*range(1, 61)), PullRequestDetails=details)
    context, extracted = run(provider, threads=1)
    assert len(context.records) == 60
    assert extracted.skips == []
    sizes = [len(asked["ids"]) for asked in queries_sent(provider, "PullRequestDetails")]
    assert max(sizes[2:]) <= 6, "the first failures taught the size"


def test_a_single_heavy_one_is_asked_for_with_fewer_children(provider: ScriptedServer) -> None:
    def details(variables: dict[str, Any]) -> Say:
        heavy = "PR_3" in variables["ids"] and variables["inner"] > 7
        return Say({"data": None, "errors": [{"message": WRONG}]}) if heavy else detailed(variables)

    graphql(provider, PullRequests=lambda v: listed(*range(1, 6)), PullRequestDetails=details)
    context, extracted = run(provider)
    assert len(context.records) == 5
    assert extracted.skips == []


def test_one_that_github_cannot_deliver_is_skipped(provider: ScriptedServer) -> None:
    def details(variables: dict[str, Any]) -> Say:
        return Say(b"", 502) if "PR_3" in variables["ids"] else detailed(variables)

    graphql(provider, PullRequests=lambda v: listed(*range(1, 6)), PullRequestDetails=details)
    context, extracted = run(provider)
    assert len(context.records) == 4
    assert [skip.scope for skip in extracted.skips] == ["acme/shop"]


def test_when_github_is_down_nothing_is_skipped(provider: ScriptedServer) -> None:
    provider.on("/graphql", listed(1, 2), Say(b"", 502))
    provider.on("/rate_limit", Say(b"", 502))
    with pytest.raises(ServerError):
        run(provider)


def test_further_pages_of_several_lists_are_asked_for_in_one_query(provider: ScriptedServer) -> None:
    def details(variables: dict[str, Any]) -> Say:
        notes = github.nodes([github.thread(github.note(1), total=3, cursor="n1", name="T_1")], 2, "t1")
        return Say(
            {
                "data": {
                    "nodes": [
                        github.pull_request(
                            7, commits=github.nodes([github.commit("c0")], 4, "k1"), reviewThreads=notes
                        ),
                        github.pull_request(8, comments=github.nodes([github.comment(1)], 2, "m1")),
                    ]
                }
            }
        )

    def pages(variables: dict[str, Any]) -> Say:
        shop, other = github.identity(7), github.identity(8)
        middle = github.nodes([github.commit("c1"), github.commit("c2")], 4, "k2")
        second = github.thread(github.note(11), total=2, cursor="n2", name="T_2")
        found: dict[str, Any] = {
            "k1": {**shop, "commits": middle},
            "k2": {**shop, "commits": github.nodes([github.commit("c3")], 4)},
            "m1": {**other, "comments": github.nodes([github.comment(2)], 2)},
            "t1": {**shop, "reviewThreads": github.nodes([second], 2)},
            "n1": {
                "id": "T_1",
                "pullRequest": shop,
                "comments": github.nodes([github.note(2), github.note(3)], 3),
            },
            "n2": {"id": "T_2", "pullRequest": shop, "comments": github.nodes([github.note(12)], 2)},
        }
        data = {f"page{i}": found[variables[f"after{i}"]] for i in range(5) if f"after{i}" in variables}
        return Say({"data": {"rateLimit": {"cost": 1, "remaining": 9, "resetAt": ""}, **data}})

    graphql(provider, PullRequests=lambda v: listed(8, 7), PullRequestDetails=details, Pages=pages)
    context, extracted = run(provider)
    assert set(context.records) == {
        ("pull_request", "707"),
        ("pull_request", "708"),
        ("pull_request_commits", "707:commits:1"),
        ("pull_request_commits", "707:commits:3"),
        ("pull_request_comments", "708:comments:1"),
        ("pull_request_review_comments", "707:reviewThreads:1"),
        ("pull_request_review_comments", "707:T_1:1"),
        ("pull_request_review_comments", "707:T_2:1"),
    }
    assert len(queries_sent(provider, "Pages")) == 2
    found = tables(transform(context))
    rows = [row for row in found["pull_request_commit"].values() if isinstance(row, PullRequestCommit)]
    commits = {row.external_id: row.position for row in rows}
    assert {name: at for name, at in commits.items() if name.startswith("707")} == {f"707:c{i}": i for i in range(4)}
    assert extracted.expected["commit"] == 5
    assert extracted.expected["issue_comment"] == 3
    assert extracted.expected["review_comment"] == 3 + 2 + 1


def test_a_query_for_too_many_pages_is_split_down_to_small_pages(provider: ScriptedServer) -> None:
    many = [github.pull_request(n, commits=github.nodes([github.commit()], 2, f"k{n}")) for n in range(1, 5)]

    def pages(variables: dict[str, Any]) -> Say:
        if "id1" in variables or variables["first"] > 25:
            return Say(b"", 502)
        return Say(
            {
                "data": {
                    "page0": {
                        **github.identity(int(variables["id0"][3:])),
                        "commits": github.nodes([github.commit("c2")], 2),
                    }
                }
            }
        )

    graphql(
        provider,
        PullRequests=lambda v: listed(1, 2, 3, 4),
        PullRequestDetails=lambda v: Say({"data": {"nodes": many}}),
        Pages=pages,
    )
    context, extracted = run(provider)
    assert sum(entity == "pull_request_commits" for entity, _ in context.records) == 4
    assert extracted.skips == []


def test_a_list_that_repeats_its_own_page_is_refused(provider: ScriptedServer) -> None:
    more = {"hasNextPage": True, "endCursor": "same"}
    graphql(provider, PullRequests=lambda v: listed(1, pageInfo=more), PullRequestDetails=detailed)
    _, extracted = run(provider)
    assert any("repeats" in skip.reason for skip in extracted.skips)


@pytest.mark.parametrize("status", [200, 404])
def test_a_null_in_an_answer_is_a_hole_unless_rest_knows_nothing_either(provider: ScriptedServer, status: int) -> None:
    provider.on("/repos/acme/shop/pulls/1", Say({}, status))
    gone = [{"type": "NOT_FOUND", "path": ["nodes", 0], "message": "Could not resolve to a node"}]
    answer = Say({"data": {"nodes": [None, github.pull_request(2)]}, "errors": gone})
    graphql(provider, PullRequests=lambda v: listed(1, 2), PullRequestDetails=lambda v: answer)
    context, extracted = run(provider)
    assert set(context.records) == {("pull_request", "702")}
    assert ["acme/shop#1" in skip.reason for skip in extracted.skips] == [True] * (status == 200)


@pytest.mark.parametrize("kind", ["NOT_FOUND", "FORBIDDEN"])
def test_a_repository_that_is_not_visible_is_skipped(provider: ScriptedServer, kind: str) -> None:
    provider.on("/graphql", Say({"data": {"repository": None}, "errors": [{"type": kind, "message": "SAML"}]}))
    context, extracted = run(provider)
    assert context.records == {}
    assert "SAML" in extracted.skips[0].reason


def test_a_limit_inside_a_good_answer_asks_for_a_pause(provider: ScriptedServer) -> None:
    reset = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=20)
    headers = {"X-RateLimit-Reset": str(int(reset.timestamp()))}
    provider.on(
        "/graphql",
        Say({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}, 200, headers),
    )
    with pytest.raises(RateLimitedError) as raised:
        run(provider)
    assert abs(raised.value.until - reset) < timedelta(seconds=10)


def test_a_query_that_costs_more_than_is_left_is_not_sent(provider: ScriptedServer) -> None:
    until = datetime.now(UTC) + timedelta(minutes=20)
    rate = {"cost": 8, "remaining": 3, "resetAt": until.isoformat()}
    answer = listed(1)
    answer.body["data"]["rateLimit"] = rate
    provider.on("/graphql", answer)
    with pytest.raises(RateLimitedError):
        run(provider)
    assert len(provider.seen) == 1


def test_a_reset_in_the_far_future_is_bounded(provider: ScriptedServer) -> None:
    answer = listed(1)
    answer.body["data"]["rateLimit"] = {"cost": 8, "remaining": 3, "resetAt": "9998-12-31T23:59:59Z"}
    provider.on("/graphql", answer)
    with pytest.raises(RateLimitedError) as raised:
        run(provider)
    assert raised.value.until < datetime.now(UTC) + timedelta(days=2)


def test_a_graphql_that_is_too_old_is_replaced_by_rest(provider: ScriptedServer) -> None:
    old = [{"message": "Field 'fullDatabaseId' doesn't exist", "extensions": {"code": "undefinedField"}}]
    provider.on("/graphql", Say({"errors": old}))
    rest(provider)
    context, extracted = run(provider)
    assert ("pull_request", "707") in context.records
    assert extracted.expected == {
        "pull_request": 1,
        "commit": 1,
        "review": 1,
        "review_comment": 1,
        "issue_comment": 1,
    }


def rest(provider: ScriptedServer) -> None:
    record, base = github.rest_pull_request(), "/repos/acme/shop"
    provider.on(f"{base}/pulls", Say([record["pull_request"]]))
    provider.on(f"{base}/pulls/7", Say(record["pull_request"]))
    provider.on(f"{base}/pulls/7/commits", Say(record["commits"]))
    provider.on(f"{base}/pulls/7/reviews", Say(record["reviews"]))
    provider.on(f"{base}/pulls/comments", Say([github.rest_note()]))
    plain = github.rest_comment(5, html_url="https://github.com/acme/shop/issues/6#issuecomment-5")
    provider.on(f"{base}/issues/comments", Say([github.rest_comment(), plain]))


@pytest.mark.parametrize("refusal", [Say({"message": "Not Found"}, 404), Say({"message": "Forbidden"}, 403)])
def test_without_graphql_rest_gives_the_same_rows(provider: ScriptedServer, refusal: Say) -> None:
    provider.on("/graphql", refusal)
    rest(provider)
    context, _ = run(provider)
    over_rest = tables(transform(context))
    graphql(provider, PullRequests=lambda v: listed(7), PullRequestDetails=detailed)
    context, _ = run(provider)
    over_graphql = tables(transform(context))
    over_rest.pop("user"), over_graphql.pop("user")
    assert over_rest == without_comment_counts(over_graphql)


def test_rest_asks_for_comments_since_the_watermark(provider: ScriptedServer) -> None:
    provider.on("/graphql", Say({"message": "Not Found"}, 404))
    rest(provider)
    run(provider, since=datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC))
    (seen,) = provider.calls("/repos/acme/shop/issues/comments")
    assert seen.query["since"] == "2026-03-01T02:03:04Z"
    assert provider.calls("/repos/acme/shop/pulls")[0].query["sort"] == "updated"


def test_a_comment_on_a_pull_request_before_the_range_finds_its_pull_request(provider: ScriptedServer) -> None:
    provider.on("/graphql", Say({"message": "Not Found"}, 404))
    rest(provider)
    far = "https://github.com/acme/shop/pull/{}#issuecomment-9"
    comments = [github.rest_comment(n, html_url=far.format(n)) for n in (3, 4)]
    provider.on("/repos/acme/shop/issues/comments", Say(comments))
    provider.on("/repos/acme/shop/pulls/3", Say({"id": 703, "number": 3}))
    context, _ = run(provider)
    assert [record.external_id for record in context.current("pull_request_comments")] == ["703:3"]


def test_commits_beyond_the_limit_of_rest_are_skipped(provider: ScriptedServer) -> None:
    provider.on("/graphql", Say({"message": "Not Found"}, 404))
    rest(provider)
    provider.on("/repos/acme/shop/pulls/7", Say(github.rest_pull_request()["pull_request"] | {"commits": 1639}))
    context, extracted = run(provider)
    assert "1639 commits" in extracted.skips[0].reason
    assert extracted.expected["commit"] == 1639
    complete = [children.row_type for one in transform(context) for children in one.complete]
    assert PullRequestCommit not in complete  # the others stay
    assert Review in complete
