"""Are all repositories and their deliveries found, and does a refusal skip only one of them?"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.sources.base import SourceRecord
from apps.sources.errors import UnauthorizedError
from apps.sources.github import GitHub
from apps.sources.github.definition import PULL_REQUESTS, REPOSITORIES
from apps.sources.github.extract import former_names
from apps.sources.rows import ScopeName
from tests.unit.sources.github import payloads as github
from tests.unit.sources.github.memory import Extracted, MemoryContext, extract
from tests.unit.sources.scripted import Say, ScriptedServer, Seen

NOW = "2026-03-05T10:00:00Z"


def repository(number: int = 5, name: str = "acme/shop", **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "full_name": name,
        "owner": {"login": name.split("/")[0]},
        "updated_at": NOW,
        **more,
    }


def run(provider: ScriptedServer, scopes: tuple[str, ...] = (), **options: Any) -> tuple[MemoryContext, Extracted]:
    with MemoryContext(provider.url, scopes, attempts=1, **options) as context:
        return context, extract(context, (REPOSITORIES,))


def deliveries(provider: ScriptedServer, name: str = "acme/shop", **answers: Say) -> None:
    provider.on(f"/repos/{name}/releases", answers.get("releases", Say([])))
    provider.on(f"/repos/{name}/actions/runs", answers.get("runs", Say({"total_count": 0, "workflow_runs": []})))
    provider.on("/graphql", answers.get("graphql", Say({"data": deployments()})))


def deployments(*items: Any, name: str = "acme/shop", **page: Any) -> dict[str, Any]:
    found = {"totalCount": len(items), "pageInfo": {"hasNextPage": False}, "nodes": list(items), **page}
    return {"repository": {"nameWithOwner": name, "deployments": found}}


def ids(context: MemoryContext, entity: str) -> set[str]:
    return {record.external_id for record in context.current(entity)}


def test_a_named_repository_with_its_deliveries_byte_for_byte(provider: ScriptedServer) -> None:
    body = b'{ "full_name":"acme/shop",  "id": 5, "owner": {"login": "acme"} }'
    provider.on("/repos/acme/shop", Say(body))
    deliveries(
        provider,
        releases=Say([{"id": 41, "created_at": NOW}]),
        runs=Say({"total_count": 1, "workflow_runs": [{"id": 42, "created_at": NOW}]}),
        graphql=Say({"data": deployments({"databaseId": 31, "createdAt": NOW, "statuses": github.nodes([])})}),
    )
    context, extracted = run(provider, ("acme/shop", "ACME/shop "))
    assert context.records["repository", "5"].payload == body
    assert context.records["deployment", "31"].scope == "acme/shop"
    assert extracted.expected == {"repository": 1, "release": 1, "workflow_run": 1, "deployment": 1}
    assert extracted.skips == []
    assert {seen.headers["authorization"] for seen in provider.seen} == {"Bearer sandbox-token"}


def test_a_renamed_repository_is_loaded_under_its_new_name(provider: ScriptedServer) -> None:
    provider.on("/repos/acme/old", Say({"message": "Moved"}, 301, {"Location": "/repositories/5"}))
    provider.on("/repositories/5", Say(repository(name="acme/shop")))
    deliveries(provider)
    context, extracted = run(provider, ("acme/old",))
    assert context.records["repository", "5"].scope == "acme/shop"
    assert {slice_.scope for slice_ in extracted.slices} == {"acme/old", "acme/shop"}
    assert extracted.skips == []


@pytest.mark.parametrize("status", [403, 404, 409, 410, 451])
def test_a_refused_repository_is_skipped_and_the_other_one_loaded(provider: ScriptedServer, status: int) -> None:
    provider.on("/repos/acme/shop", Say(repository()))
    provider.on("/repos/acme/closed", Say({"message": "Repository access blocked"}, status))
    deliveries(provider)
    context, extracted = run(provider, ("acme/closed", "acme/shop", "nonsense"))
    assert ids(context, "repository") == {"5"}
    assert {skip.scope for skip in extracted.skips} == {"acme/closed", "nonsense"}
    assert all(str(status) in skip.reason for skip in extracted.skips if skip.scope == "acme/closed")


def test_a_wrong_token_fails_the_step(provider: ScriptedServer) -> None:
    for path in ("/repos/acme/shop", "/rate_limit"):
        provider.on(path, Say({"message": "Bad credentials"}, 401))
    with pytest.raises(UnauthorizedError):
        run(provider, ("acme/shop",))


def test_discovery_follows_links_and_lists_nothing_twice(provider: ScriptedServer) -> None:
    provider.on("/user/orgs", Say([{"login": "acme"}]))

    def own(seen: Seen) -> Say:
        if "after" in seen.query:
            return Say([repository(7, "ada/notes")])
        link = f'<{provider.url}/user/repos?per_page=100&after=opaque>; rel="next"'
        return Say([repository(6, "ada/dots"), repository(5, "Acme/shop")], headers={"Link": link})

    provider.on("/user/repos", own)
    provider.on("/orgs/acme/repos", Say([repository(5, "Acme/shop")]))
    context, extracted = run(provider)
    assert ids(context, "repository") == {"5", "6", "7"}
    assert extracted.expected["repository"] == 3
    assert [slice_.scope for slice_ in extracted.slices].count("Acme/shop") == 3 + 1  # and REST deployments


@pytest.mark.parametrize("path", ["/user/repos", "/orgs/acme/repos"])
def test_a_stored_repository_that_its_list_lacks_is_looked_at_by_its_id(provider: ScriptedServer, path: str) -> None:
    names = {"/user/repos": "ada/dots", "/orgs/acme/repos": "acme/shop"}
    found = [repository(number, name, node_id=f"R_{number}") for number, name in enumerate(names.values(), 5)]
    stored = [SourceRecord("repository", str(one["id"]), json.dumps(one).encode(), one["full_name"]) for one in found]
    provider.on("/user/orgs", Say([{"login": "acme"}]))
    for list_, one in zip(names, found, strict=True):
        provider.on(list_, Say([] if list_ == path else [one]))
    provider.on("/graphql", Say({"data": {"nodes": []}}))
    records = {(one.entity, one.external_id): one for one in stored}
    _, extracted = run(provider, since=datetime(2026, 3, 1, tzinfo=UTC), records=records)
    looked_at = [slice_.args["repositories"] for slice_ in extracted.slices if slice_.args.get("records")]
    assert looked_at == [[(one["node_id"], one["full_name"]) for one in found if one["full_name"] == names[path]]]


def test_an_organisation_that_hides_its_repositories_is_skipped(provider: ScriptedServer) -> None:
    provider.on("/user/orgs", Say([{"login": "acme"}]))
    provider.on("/user/repos", Say([], headers={"X-GitHub-SSO": "partial-results; organizations=1"}))
    provider.on("/orgs/acme/repos", Say({"message": "Resource protected by organization SAML enforcement."}, 403))
    _, extracted = run(provider)
    assert len(extracted.skips) == 2
    assert all("SSO" in skip.reason or "SAML" in skip.reason for skip in extracted.skips)


def test_without_graphql_deployments_come_over_rest(provider: ScriptedServer) -> None:
    provider.on("/repos/acme/shop", Say(repository()))
    deliveries(provider, graphql=Say({"message": "Not Found"}, 404))
    provider.on("/repos/acme/shop/deployments", Say([{"id": 31, "created_at": NOW}]))
    provider.on("/repos/acme/shop/deployments/31/statuses", Say([{"state": "success"}]))
    context, _ = run(provider, ("acme/shop",))
    payload = json.loads(context.records["deployment", "31"].payload)
    assert payload == {"deployment": {"id": 31, "created_at": NOW}, "statuses": [{"state": "success"}]}


def test_a_list_ends_where_the_range_begins(provider: ScriptedServer) -> None:
    provider.on("/repos/acme/shop", Say(repository()))
    link = {"Link": f'<{provider.url}/never?page=2>; rel="next"'}
    runs = [{"id": 42, "created_at": NOW}, {"id": 41, "created_at": "2026-01-01T00:00:00Z"}]
    deliveries(
        provider,
        releases=Say([{"id": 2, "created_at": NOW}, {"id": 1, "created_at": "2026-01-01T00:00:00Z"}], headers=link),
        runs=Say({"total_count": 500, "workflow_runs": runs}, headers=link),
        graphql=Say(
            {
                "data": deployments(
                    {"databaseId": 31, "createdAt": NOW},
                    {"databaseId": 30, "createdAt": "2026-01-01T00:00:00Z"},
                    totalCount=500,
                    pageInfo={"hasNextPage": True, "endCursor": "x"},
                )
            }
        ),
    )
    context, extracted = run(provider, ("acme/shop",), since=datetime(2026, 3, 1, tzinfo=UTC))
    assert (ids(context, "release"), ids(context, "workflow_run"), ids(context, "deployment")) == (
        {"2"},
        {"42"},
        {"31"},
    )
    assert extracted.expected == {"repository": 1, "release": 1, "workflow_run": 1, "deployment": 1}
    assert provider.calls("/never") == []


def test_totals_are_announced_once(provider: ScriptedServer) -> None:
    provider.on("/repos/acme/shop", Say(repository()))
    link = {"Link": f'<{provider.url}/repositories/5/actions/runs?page=2>; rel="next"'}
    deliveries(provider, runs=Say({"total_count": 2, "workflow_runs": [{"id": 42}]}, headers=link))
    provider.on("/repositories/5/actions/runs", Say({"total_count": 2, "workflow_runs": [{"id": 41}]}))
    context, extracted = run(provider, ("acme/shop",))
    assert ids(context, "workflow_run") == {"41", "42"}
    assert extracted.expected["workflow_run"] == 2


# --- former names -------------------------------------------------------------------------------------------------

LATELY = datetime(2026, 3, 1, tzinfo=UTC)
SHOP: dict[str, Any] = {"node_id": "N5", "html_url": "https://github.com/acme/shop"}


def names_of(context: MemoryContext) -> set[tuple[str, str]]:
    """The names of the loaded repositories, with their ids."""
    rows = [row for record in context.records.values() for row in GitHub().transform(record, context).rows]
    return {(row.scope, row.name) for row in rows if isinstance(row, ScopeName)}


def test_a_name_that_redirects_is_kept(provider: ScriptedServer) -> None:
    provider.on("/repos/acme/old", Say({"message": "Moved"}, 301, {"Location": "/repositories/5"}))
    provider.on("/repositories/5", Say(repository(name="acme/shop", **SHOP)))
    deliveries(provider)
    context, _ = run(provider, ("acme/old",))
    assert names_of(context) == {("5", "acme/shop"), ("5", "acme/old")}


@pytest.mark.parametrize("kind", ["incremental", "sweep", "full"])
@pytest.mark.parametrize("name", ["acme/old", "ACME/Old", "acme/older", "acme/shop"])
def test_a_repository_is_chosen_by_any_name_that_it_had(provider: ScriptedServer, name: str, kind: str) -> None:
    """It is asked for by its present name, although another repository has got the old one by now."""
    provider.on("/repos/acme/shop", Say(repository(**SHOP)))
    provider.on("/repos/acme/old", Say(repository(9, "acme/old")))
    deliveries(provider, graphql=Say({"data": {"nodes": [{"nameWithOwner": "acme/shop"}], **deployments()}}))
    stored = SourceRecord("repository", "5", json.dumps(repository(**SHOP)).encode(), "acme/shop")
    since = None if kind == "full" else LATELY
    records = {("repository", "5"): stored}
    with MemoryContext(provider.url, (name,), since, sweep=kind == "sweep", records=records, attempts=1) as context:
        context.names |= {"acme/old": "5", "acme/older": "5"}
        extracted = extract(context, (REPOSITORIES,))
    assert ids(context, "repository") == {"5"}
    assert extracted.skips == []
    assert {slice_.scope for slice_ in extracted.slices} <= {"", "acme/shop"}
    assert not provider.calls("/repos/acme/old")


def asking(provider: ScriptedServer, *unknown: str, **options: Any) -> MemoryContext:
    """A context with one stored repository of github.com, and with issues that name unknown repositories."""
    stored = SourceRecord("repository", "5", json.dumps(repository(**SHOP)).encode(), "acme/shop")
    context = MemoryContext(provider.url, attempts=1, records={("repository", "5"): stored}, **options)
    context.unknown = [f"https://{name}" for name in unknown]
    return context


def ask(context: MemoryContext) -> None:
    for slice_ in former_names.start(context):
        context.take(GitHub().fetch(PULL_REQUESTS, slice_, context))


@pytest.mark.parametrize("status", [403, 404, 410, 451])
def test_unknown_names_are_asked_for_until_they_are_known(provider: ScriptedServer, status: int) -> None:
    provider.on("/repos/acme/old", Say({"message": "Moved"}, 301, {"Location": "/repositories/5"}))
    provider.on("/repositories/5", Say(repository(**SHOP)))
    provider.on("/repos/acme/gone", Say({"message": "No"}, status))
    named = ("github.com/acme/old", "github.com/acme/gone", "github.com/acme/shop", "gitlab.example/acme/x")
    with asking(provider, *named, since=LATELY) as context:
        ask(context)
        assert names_of(context) == {("5", "acme/shop"), ("5", "acme/old")}
        asked = {seen.path for seen in provider.seen}
        assert asked == {"/repos/acme/old", "/repositories/5", "/repos/acme/gone"}
        provider.seen.clear()
        ask(context)
        assert provider.seen == []
        context.with_sweep = True
        ask(context)
        assert "/repos/acme/gone" in {seen.path for seen in provider.seen}, "a sweep asks again for what is not known"


def test_a_run_asks_for_a_few_unknown_names(provider: ScriptedServer) -> None:
    names = [f"github.com/acme/{number:03}" for number in range(3 * former_names.MAX_ASKED_NAMES)]
    with asking(provider, *names, since=LATELY) as context:
        for run_number in (1, 2, 3):
            ask(context)
            assert len(ids(context, "former_name")) == run_number * former_names.MAX_ASKED_NAMES
        assert former_names.start(context) == []
