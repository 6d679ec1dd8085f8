"""Does a run with stored records ask only for new data, and delete nothing without proof?"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.sources.base import SourceRecord
from apps.sources.github import GitHub
from apps.sources.github.definition import PULL_REQUESTS, REPOSITORIES
from apps.sources.github.extract.fingerprints import stored_pull_requests
from tests.unit.sources.github import payloads as github
from tests.unit.sources.github.memory import Extracted, MemoryContext, extract
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

SINCE = datetime(2026, 3, 5, tzinfo=UTC)
OLD, NEW = "2026-03-01T10:00:00Z", "2026-03-06T10:00:00Z"
Json = dict[str, Any]


def stored_repository(number: int = 5, name: str = "acme/shop", **more: Any) -> SourceRecord:
    payload = {"id": number, "node_id": f"R_{number}", "full_name": name, "updated_at": OLD, "pushed_at": OLD, **more}
    return SourceRecord("repository", str(number), json.dumps(payload).encode(), name)


def stored_pull(number: int = 7, **changes: Any) -> SourceRecord:
    payload = github.pull_request(number, totalCommentsCount=2, **changes)
    return SourceRecord("pull_request", str(700 + number), json.dumps(payload).encode(), "acme/shop")


def released(number: int) -> SourceRecord:
    return SourceRecord("release", str(number), b"{}", "acme/shop")


def overview(**changes: Any) -> Json:
    lists = {"releases": github.nodes([]), "deployments": github.nodes([])}
    return {"nameWithOwner": "acme/shop", "pushedAt": OLD, "updatedAt": OLD, **lists, **changes}


def item(number: int, stamp: str, **more: Any) -> Json:
    return {"id": f"X_{number}", "databaseId": number, "createdAt": stamp, "updatedAt": stamp, **more}


def run(
    provider: ScriptedServer, step: str, *stored: SourceRecord, threads: int = 1, **options: Any
) -> tuple[MemoryContext, Extracted]:
    records = {(each.entity, each.external_id): each for each in stored}
    options = {"scopes": ("acme/shop",), "since": SINCE, "attempts": 1, "records": records, **options}
    with MemoryContext(provider.url, **options) as context:
        return context, extract(context, (step,), threads)


def answers(provider: ScriptedServer, **by_query: Any) -> None:
    provider.on("/repos/acme/shop/actions/runs", Say({"total_count": 0, "workflow_runs": []}))

    def answer(seen: Seen) -> Say:
        asked = seen.json()
        given = by_query[asked["query"].split("(")[0].split()[1]]
        given = given(asked["variables"]) if callable(given) else given
        return given if isinstance(given, Say) else Say(given)

    provider.on("/graphql", answer)


def nodes(*found: Any, **more: Any) -> Json:
    return {"data": {"nodes": list(found)}, **more}


def kinds(extracted: Extracted) -> list[str]:
    return sorted(slice_.kind for slice_ in extracted.slices)


def test_a_quiet_repository_costs_one_query_and_a_page_of_runs(provider: ScriptedServer) -> None:
    answers(provider, Overview=nodes(overview()))
    _, extracted = run(provider, REPOSITORIES, stored_repository())
    assert kinds(extracted) == ["overview", "workflow_runs"]
    assert len(provider.seen) == 2


@pytest.mark.parametrize("change", [{"pushedAt": None}, {"isArchived": True}])
def test_a_repository_that_can_have_no_new_runs_costs_one_query(provider: ScriptedServer, change: Json) -> None:
    answers(provider, Overview=nodes(overview(**change)))
    _, extracted = run(provider, REPOSITORIES, stored_repository(archived=True))
    assert "workflow_runs" not in kinds(extracted)


@pytest.mark.parametrize(
    ("change", "follows"),
    [
        ({"pushedAt": NEW}, "repository"),
        ({"releases": github.nodes([item(1, NEW), item(2, OLD)])}, "releases"),
        ({"releases": github.nodes([item(1, OLD, publishedAt=NEW)])}, "releases"),
        ({"deployments": github.nodes([item(1, OLD, updatedAt=NEW)])}, "deployment_details"),
        ({"deployments": github.nodes([item(1, NEW)], 200, "c")}, "deployments"),
        ({"releases": None}, "releases"),
    ],
)
def test_only_what_is_new_is_asked_for(provider: ScriptedServer, change: Json, follows: str) -> None:
    answers(
        provider,
        Overview=nodes(overview(**change)),
        DeploymentDetails=nodes({"id": "X_1", "databaseId": 1, "createdAt": OLD, "statuses": github.nodes([])}),
        Deployments={"data": {"repository": {"nameWithOwner": "acme/shop", "deployments": github.nodes([])}}},
    )
    provider.on("/repos/acme/shop", Say({"id": 5, "node_id": "R_5", "full_name": "acme/shop"}))
    provider.on("/repos/acme/shop/releases", Say([]))
    _, extracted = run(provider, REPOSITORIES, stored_repository())
    assert follows in kinds(extracted)
    assert len(set(kinds(extracted)) - {"overview", "repository", "workflow_runs"}) == (follows != "repository")


def test_an_overview_that_is_too_much_is_halved(provider: ScriptedServer) -> None:
    def answer(variables: Json) -> Any:
        if len(variables["ids"]) > 1:
            return Say(b"", 502)
        return nodes(overview(nameWithOwner=f"acme/{variables['ids'][0]}"))

    answers(provider, Overview=answer)
    names = [f"acme/R_{number}" for number in range(4)]
    for name in names:
        provider.on(f"/repos/{name}/actions/runs", Say({"total_count": 0, "workflow_runs": []}))
    stored = [stored_repository(number, name) for number, name in enumerate(names)]
    _, extracted = run(provider, REPOSITORIES, *stored, scopes=tuple(names))
    assert extracted.expected["repository"] == 4
    assert extracted.skips == []


def test_a_repository_that_is_null_is_skipped_with_the_reason(provider: ScriptedServer) -> None:
    errors = [{"type": "FORBIDDEN", "path": ["nodes", 0], "message": "SAML enforcement"}]
    answers(provider, Overview=nodes(None, errors=errors))
    _, extracted = run(provider, REPOSITORIES, stored_repository())
    assert [(skip.scope, "SAML" in skip.reason) for skip in extracted.skips] == [("acme/shop", True)]


def test_a_renamed_repository_keeps_its_records(provider: ScriptedServer) -> None:
    answers(provider, Overview=nodes(overview(nameWithOwner="acme/store")))
    provider.on("/repos/acme/store", Say({"id": 5, "node_id": "R_5", "full_name": "acme/store"}))
    context, _ = run(provider, REPOSITORIES, stored_repository(), stored_pull())
    assert context.records["pull_request", "707"].scope == "acme/store"
    (row,) = [row for row in GitHub().transform(context.records["pull_request", "707"], context).rows
              if row.table == "pull_request"]  # fmt: skip
    assert getattr(row, "url") == "https://github.com/acme/store/pull/7"  # noqa: B009 - any row


# --- deletions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "gone", "is_hole"),
    [
        *(({"message": "?"}, status, ["1"], False) for status in (404, 410)),
        *(({"message": "?"}, status, [], True) for status in (451, 403)),
        ({"id": 1}, 200, [], False),
        ({}, 200, [], True),
        ([], 200, [], True),
        (b"<!DOCTYPE html><title>Log in</title>", 200, [], True),
    ],
)
def test_a_release_is_gone_or_there_only_when_its_own_address_says_so(
    provider: ScriptedServer, answer: Any, status: int, gone: list[str], is_hole: bool
) -> None:
    answers(provider, Overview=nodes(overview(releases=github.nodes([item(2, OLD)]))))
    provider.on("/repos/acme/shop/releases/1", Say(answer, status))
    _, extracted = run(provider, REPOSITORIES, stored_repository(), released(1), released(2), sweep=True)
    assert [one.external_id for one in extracted.deletions] == gone
    assert bool(extracted.skips) == is_hole
    assert all(skip.is_missing and skip.again for skip in extracted.skips)
    assert all(f"was answered with {status}" in one.evidence for one in extracted.deletions)


@pytest.mark.parametrize(("total", "asks"), [(3, False), (2, True)])
def test_a_list_with_further_pages_is_read_when_the_total_does_not_fit(
    provider: ScriptedServer, total: int, asks: bool
) -> None:
    long_ago = "2025-03-01T10:00:00Z"
    page = github.nodes([item(3, OLD), item(2, long_ago)], total, "c")
    items = [item(number, long_ago, statuses=github.nodes([])) for number in (3, 2)]
    whole = {"data": {"repository": {"nameWithOwner": "acme/shop", "deployments": github.nodes(items)}}}
    answers(provider, Overview=nodes(overview(deployments=page)), Deployments=whole)
    deployed = [SourceRecord("deployment", str(number), b"{}", "acme/shop") for number in (1, 2, 3)]
    _, extracted = run(provider, REPOSITORIES, stored_repository(), *deployed, sweep=True)
    assert ("deployments" in kinds(extracted)) == asks
    assert [one.external_id for one in extracted.deletions] == ["1"] * asks


def pull_request_index(*found: Any, errors: Any = None, newest: Any = None) -> Json:
    home = {"nameWithOwner": "acme/shop", "pullRequests": github.nodes(newest or [])}
    return {"data": {"repositories": [home], "known0": list(found)}, **({"errors": errors} if errors else {})}


def fingerprint(**changes: Any) -> Json:
    node = github.pull_request(totalCommentsCount=2)
    names = ("id", "updatedAt", "headRefOid", "totalCommentsCount", "commits", "reviews")
    return {**{name: node[name] for name in names}, **changes}


@pytest.mark.parametrize(
    "change", [{}, {"totalCommentsCount": 1}, {"headRefOid": "c9"}, {"reviews": {"totalCount": 0}}, {"updatedAt": NEW}]
)
def test_a_stored_pull_request_is_read_again_when_anything_changed(provider: ScriptedServer, change: Json) -> None:
    answers(
        provider,
        PullRequestHeads=pull_request_index(fingerprint(**change)),
        PullRequestDetails=nodes(github.pull_request()),
    )
    _, extracted = run(provider, PULL_REQUESTS, stored_repository(), stored_pull(), sweep=True)
    assert ("pull_request_details" in kinds(extracted)) == bool(change)
    assert extracted.expected["pull_request"] == len(change)


def test_new_and_changed_ones_of_several_repositories_are_read_together(provider: ScriptedServer) -> None:
    newest = [{"id": "PR_8", "fullDatabaseId": "708", "createdAt": NEW, "updatedAt": NEW},
              {"id": "PR_7", "fullDatabaseId": "707", "createdAt": OLD, "updatedAt": NEW}]  # fmt: skip
    answers(
        provider,
        PullRequestHeads=pull_request_index(fingerprint(updatedAt=NEW), newest=newest),
        PullRequestDetails=lambda v: nodes(*(github.pull_request(int(name[3:])) for name in v["ids"])),
    )
    run(provider, PULL_REQUESTS, stored_repository(), stored_pull(), sweep=True)
    asked = [seen.json()["variables"].get("ids") for seen in provider.seen]
    assert asked == [None, ["PR_8", "PR_7"]]


NOT_FOUND = {"type": "NOT_FOUND", "path": ["known0", 0], "message": "Could not resolve to a node"}


@pytest.mark.parametrize(
    ("error", "status", "gone"),
    [
        (NOT_FOUND, 200, {"pull_request"}),
        (NOT_FOUND, 404, {"pull_request", "repository"}),
        (NOT_FOUND, 451, set()),
        ({**NOT_FOUND, "type": "FORBIDDEN"}, 200, set()),
        ({**NOT_FOUND, "path": ["known0", 1]}, 200, set()),
    ],
)
def test_a_null_pull_request_is_gone_only_with_a_reason(
    provider: ScriptedServer, error: Json, status: int, gone: set[str]
) -> None:
    answers(provider, PullRequestHeads=pull_request_index(None, errors=[error]))
    provider.on("/repositories/5", Say({"id": 5}, status))
    _, extracted = run(provider, PULL_REQUESTS, stored_repository(), stored_pull(), sweep=True)
    assert {one.entity for one in extracted.deletions} == gone


def test_a_repository_is_not_gone_while_no_other_one_of_its_owner_can_be_seen(provider: ScriptedServer) -> None:
    answers(provider, PullRequestHeads={"data": {"repositories": [None], "known0": [None]}, "errors": [NOT_FOUND]})
    others = [stored_repository(6, "acme/other"), stored_repository(7, "elsewhere/third")]
    provider.on("/repositories/7", Say({"id": 7}))
    stored = [stored_repository(), *others, stored_pull()]
    _, extracted = run(provider, PULL_REQUESTS, *stored, sweep=True)
    assert extracted.deletions == []
    assert "Nothing is marked as deleted" in extracted.skips[0].reason
    provider.on("/repositories/6", Say({"id": 6}))
    _, extracted = run(provider, PULL_REQUESTS, *stored, sweep=True)
    assert {one.entity for one in extracted.deletions} == {"repository", "pull_request"}


@pytest.mark.parametrize("cut", [{"known0": []}, {}, {"known0": None}, {"known0": [None]}])
def test_an_answer_that_is_too_short_proves_nothing(provider: ScriptedServer, cut: Json) -> None:
    home = {"nameWithOwner": "acme/shop", "pullRequests": github.nodes([])}
    answers(provider, PullRequestHeads={"data": {"repositories": [home], **cut}})
    _, extracted = run(provider, PULL_REQUESTS, stored_repository(), stored_pull(), sweep=True)
    assert extracted.deletions == []
    assert [(skip.scope, skip.again and skip.again.kind) for skip in extracted.skips] == [
        ("acme/shop", "pull_request_details")
    ]
    assert "acme/shop#7" in extracted.skips[0].reason


def test_a_query_about_many_is_halved_and_stays_so(provider: ScriptedServer) -> None:
    sizes = []

    def answer(variables: Json) -> Any:
        stored = [names for key, names in variables.items() if key.startswith("known")]
        sizes.append(sum(map(len, stored)))
        if sizes[-1] > 60:
            return Say(b"", 504)
        data = {f"known{i}": [fingerprint(id=name) for name in names] for i, names in enumerate(stored)}
        home = {"nameWithOwner": "acme/shop", "pullRequests": github.nodes([])}
        return {"data": {"repositories": [home] * len(variables["repositories"]), **data}}

    answers(provider, PullRequestHeads=answer)
    stored = [stored_pull(number) for number in range(1, 201)]
    _, extracted = run(provider, PULL_REQUESTS, stored_repository(), *stored, sweep=True)
    assert sum(size for size in sizes if size <= 60) == 200
    assert sorted(size for size in sizes if size > 60) == [100, 200, 200]
    assert extracted.skips == []


def test_a_pull_request_that_came_over_rest_has_no_fingerprint(provider: ScriptedServer) -> None:
    context = MemoryContext(provider.url)
    record = SourceRecord("pull_request", "707", json.dumps(github.rest_pull_request()).encode(), "acme/shop")
    context.records["pull_request", "707"] = record
    assert stored_pull_requests(context, {"acme/shop"}) == []
