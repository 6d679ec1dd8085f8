"""Does an incremental run with a sweep leave the tables that a fresh full load would leave?

``test_github_time_travel`` measures without a database how few requests it makes.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.core.crypto import Secret
from apps.integrations.models import Integration
from apps.integrations.services import add_integration
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Job, Run, Watermark
from apps.progress.choices import RunState
from apps.raw.models import Tombstone
from apps.tenants.services import create_tenant
from apps.warehouse.models import PullRequest, Repository
from tests import platform as platforms
from tests.platform import Platform
from tests.processes import TOKEN

SANDBOX = {"issues": 120, "prs": 120}
MAX_RUN_SECONDS = 300
REPOSITORIES = 9  # of each a page of workflow runs is read
MAX_REQUESTS = 9 + REPOSITORIES  # discovery, one request per step, the changed pull requests
# GitHub reports no changes of people: a person who was met once stays known.
COMPARED = (
    "repository", "pullrequest", "commit", "pullrequestcommit", "review", "pullrequestcomment", "release", "deployment",
    "workflowrun", "pullrequestissuelink",
)  # fmt: skip
Tables = dict[str, dict[str, dict[str, Any]]]


def github_job(slug: str, sandbox_url: str) -> Job:
    """A tenant that reads the same GitHub."""
    tenant = create_tenant(slug=slug, name=slug.title())
    integration = add_integration(
        tenant=tenant, provider="github", name="github", base_url=sandbox_url, username="", token=Secret(TOKEN)
    )
    return create_job(integration)


@pytest.fixture(scope="module")
def full_load(platform: Platform) -> None:
    """The first run, which loads everything."""
    assert platform.run("github", RunMode.FULL, MAX_RUN_SECONDS).outcome == Outcome.COMPLETE


@pytest.fixture
def fresh(platform: Platform, request: pytest.FixtureRequest) -> Callable[[], Tables]:
    """Load everything for a tenant that has nothing yet; gives its live rows."""

    def load() -> Tables:
        job = github_job(f"fresh-{abs(hash(request.node.name)) % 10_000}", platform.sandbox.url("github"))
        run = platform.ended(services.start(job, actor="test", request=RunRequest(RunMode.FULL)), MAX_RUN_SECONDS)
        assert (run.state, run.error) == (RunState.FINISHED, "")
        assert job.integration
        return live(job.integration)

    return load


def live(integration: Integration) -> Tables:
    """The live rows of an integration by table and external id."""
    found: Tables = {}
    with connection.cursor() as cursor:
        for table in COMPARED:
            name = f"warehouse_{table}"
            columns = [column.name for column in connection.introspection.get_table_description(cursor, name)]
            wanted = [column for column in columns if column not in platforms.OWN_COLUMNS | {"deleted_at"}]
            chosen = ", ".join(f'"{column}"' for column in wanted)
            cursor.execute(
                f"SELECT {chosen} FROM {name} WHERE integration_id = %s AND deleted_at IS NULL", [integration.pk]
            )
            rows = [dict(zip(wanted, row, strict=True)) for row in cursor.fetchall()]
            found[table] = {row["external_id"]: row for row in rows}
    return found


def differences(ours: Tables, theirs: Tables) -> dict[str, Any]:
    """The rows that are missing, left over or different in our tables."""
    found: dict[str, Any] = {}
    for table, rows in theirs.items():
        mine = ours[table]
        other = {key: (mine[key], rows[key]) for key in rows.keys() & mine.keys() if mine[key] != rows[key]}
        if mine.keys() != rows.keys() or other:
            found[table] = {
                "missing": sorted(rows.keys() - mine.keys())[:5],
                "left over": sorted(mine.keys() - rows.keys())[:5],
                "other": dict(list(other.items())[:2]),
            }
    return found


def swept(platform: Platform) -> tuple[Run, int]:
    """An incremental run with a sweep, and how many requests it took."""
    platform.sandbox.control("reset-stats")
    run = services.start(platform.job("github"), actor="test", request=RunRequest(sweep=True))
    run = platform.ended(run, MAX_RUN_SECONDS)
    assert (run.state, run.error) == (RunState.FINISHED, "")
    return run, platform.sandbox.served()


def ours(platform: Platform) -> Tables:
    integration = platform.job("github").integration
    assert integration
    return live(integration)


def test_a_few_changes_take_few_requests(full_load: None, platform: Platform, fresh: Callable[[], Tables]) -> None:
    done = platform.sandbox.control("mutate", {"seed": 11, "share": 0.05})["done"]
    assert {"edit_pull", "force_push", "merge_pull", "new_pull", "rename_repository"} <= done.keys()
    run, requests = swept(platform)
    assert requests <= MAX_REQUESTS
    assert run.outcome == Outcome.COMPLETE
    assert differences(ours(platform), fresh()) == {}


def test_force_pushes_remove_commits(full_load: None, platform: Platform, fresh: Callable[[], Tables]) -> None:
    before = ours(platform)
    platform.sandbox.control("mutate", {"seed": 12, "share": 0.05, "kinds": ["force_push"]})
    _, requests = swept(platform)
    assert requests <= MAX_REQUESTS
    after = ours(platform)
    assert before["commit"].keys() - after["commit"].keys()
    assert differences(after, fresh()) == {}


def test_a_deleted_object_gets_a_tombstone_with_its_evidence(
    full_load: None, platform: Platform, fresh: Callable[[], Tables]
) -> None:
    kinds = ["delete_remark", "delete_note", "delete_review", "delete_pull", "delete_release", "delete_deployment"]
    done = platform.sandbox.control("mutate", {"seed": 13, "share": 0.1, "kinds": kinds})["done"]
    run, _ = swept(platform)
    found = Tombstone.across_tenants.filter(run=run.pk)
    assert set(found.filter(entity="release").values_list("external_id", flat=True)) == ids(done["delete_release"])
    assert set(found.filter(entity="pull_request").values_list("external_id", flat=True)) == ids(done["delete_pull"])
    assert all("404" in each.evidence or "null" in each.evidence for each in found)
    assert differences(ours(platform), fresh()) == {}


def ids(done: list[int]) -> set[str]:
    return {str(number) for number in done}


def test_repositories_that_move_keep_their_rows_and_a_deleted_one_loses_them(
    full_load: None, platform: Platform, fresh: Callable[[], Tables]
) -> None:
    before = {row["external_id"]: row["full_name"] for row in ours(platform)["repository"].values()}
    kinds = ["rename_repository", "transfer_repository", "delete_repository"]
    done = platform.sandbox.control("mutate", {"seed": 14, "share": 0.05, "kinds": kinds})["done"]
    run, _ = swept(platform)
    (deleted,) = done["delete_repository"]
    tombstone = Tombstone.across_tenants.get(run=run.pk, entity="repository")
    assert tombstone.external_id == str(deleted["id"])
    assert "404" in tombstone.evidence
    assert not PullRequest.across_tenants.filter(
        tenant=platform.tenant, repository=tombstone.external_id, deleted_at=None
    ).exists()
    for moved in (*done["rename_repository"], *done["transfer_repository"]):
        row = Repository.across_tenants.get(tenant=platform.tenant, external_id=str(moved["id"]))
        assert str(moved["id"]) in before
        assert row.full_name == moved["to"] or moved["id"] == deleted["id"]
        assert not Watermark.across_tenants.filter(tenant=platform.tenant, scope=moved["from"]).exists()
    assert differences(ours(platform), fresh()) == {}


def test_a_run_without_changes_makes_few_requests_and_writes_no_row(full_load: None, platform: Platform) -> None:
    swept(platform)
    before = platforms.row_versions()
    _, requests = swept(platform)
    assert requests <= 5 + REPOSITORIES
    assert platforms.row_versions() == before
