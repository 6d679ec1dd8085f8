"""Are all repositories and their deliveries found, and does a refusal skip only one of them?"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apps.sources.errors import UnauthorizedError
from apps.sources.github.definition import REPOSITORIES
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
