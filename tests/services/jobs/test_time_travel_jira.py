"""After changes, moves and deletions: do a few requests give the same rows as a fresh full load?"""

from typing import Any

import pytest
from django.db import connection

from apps.core.crypto import Secret
from apps.integrations.models import Integration
from apps.integrations.services import add_integration
from apps.jobs.choices import Outcome
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import RunRequest
from apps.jobs.models import Run
from apps.progress.choices import RunState
from apps.raw.models import RawRecord, Tombstone
from apps.sources.jira.client import ISSUES_PER_CALL
from apps.sources.jira.extract.deletions import MAX_ASKED
from apps.tenants.services import create_tenant
from apps.vectors.handlers import embedded
from apps.warehouse.models import Issue, IssueChange, IssueComment, IssueKey
from apps.warehouse.selectors import counts
from tests.platform import OWN_COLUMNS, Platform, loaded_tables
from tests.processes import TOKEN

SANDBOX = {"issues": 1200, "prs": 300}
KINDS = ["edit", "comment", "uncomment", "status", "delete", "move", "create"]
VIEWS = {"warehouse_document", "warehouse_resolved_link"}
NO_ISSUES: dict[str, Any] = {"issues": [], "isLast": True}


@pytest.fixture(scope="module")
def full(platform: Platform) -> int:
    """How many requests the first load made."""
    platform.sandbox.control("reset-stats")
    assert platform.run("jira").outcome == "complete"
    return platform.sandbox.served()


@pytest.fixture(scope="module")
def done(platform: Platform, full: int) -> dict[str, Any]:
    """The changes at the source after the first load."""
    answer = platform.sandbox.control("mutate", {"seed": 11, "share": 0.02, "kinds": KINDS})
    done: dict[str, Any] = answer["done"]
    assert set(done) == set(KINDS)
    return done


@pytest.fixture(scope="module")
def swept(platform: Platform, done: dict[str, Any]) -> tuple[Run, int]:
    """A run with a sweep over the changes, and the number of its requests."""
    platform.sandbox.control("reset-stats")
    run = sweep(platform)
    return run, platform.sandbox.served()


@pytest.fixture(scope="module")
def fresh(platform: Platform, swept: tuple[Run, int]) -> Integration:
    """The same source, loaded in full for another tenant."""
    tenant = create_tenant(slug="fresh", name="Fresh")
    integration = add_integration(
        tenant=tenant,
        provider="jira",
        name="jira",
        base_url=platform.sandbox.url("jira"),
        username="someone@example.com",
        token=Secret(TOKEN),
    )
    create_job(integration)
    assert Platform(tenant, platform.sandbox, platform.folder).run("jira").outcome == "complete"
    return integration


def answering(match: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """A rule of the fault script."""
    return {"match": match, "action": {"type": "status", "status": status, "body": body}}


def sweep(platform: Platform) -> Run:
    """An incremental run with a sweep."""
    run = services.start(platform.job("jira"), actor="test", request=RunRequest(sweep=True))
    return platform.ended(run)


def living_rows(table: str, integration: Integration) -> list[tuple[object, ...]]:
    """The rows without a tombstone, without our own ids and times."""
    with connection.cursor() as cursor:
        names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
        wanted = ", ".join(f'"{name}"' for name in names if name not in OWN_COLUMNS | {"deleted_at"})
        cursor.execute(
            f"SELECT {wanted} FROM {table} WHERE integration_id = %s AND deleted_at IS NULL ORDER BY external_id",
            [integration.pk],
        )
        return list(cursor.fetchall())


def test_a_run_that_sweeps_says_so(platform: Platform, swept: tuple[Run, int]) -> None:
    run, _ = swept
    assert (run.state, run.outcome, run.sweep, run.skips) == (RunState.FINISHED, "complete", True, [])
    assert platform.job("jira").last_sweep_at == run.started_at


def test_a_sweep_needs_few_requests(full: int, swept: tuple[Run, int]) -> None:
    """It reads the directories of the site as well, whose size does not grow with the issues.

    One request for 100 issues asks whether their development panels have changed.
    """
    _, requests = swept
    assert requests <= full * 0.08 + SANDBOX["issues"] / ISSUES_PER_CALL, f"{requests} of {full}"


def test_every_table_equals_that_of_a_fresh_load(platform: Platform, fresh: Integration) -> None:
    ours = platform.job("jira").integration
    assert ours
    for table in loaded_tables():
        if table not in VIEWS:
            assert living_rows(table, ours) == living_rows(table, fresh), table


def test_exactly_the_texts_of_live_rows_are_embedded(platform: Platform, fresh: Integration) -> None:
    ours = platform.job("jira").integration
    assert ours
    loaded, vectors = counts(ours), embedded(ours.pk)
    assert vectors == {kind: loaded[kind] for kind in ("issue", "issue_comment")}


def test_deleted_objects_have_tombstones_with_evidence(
    platform: Platform, done: dict[str, Any], swept: tuple[Run, int]
) -> None:
    gone = {str(number) for one in done["delete"] for number in (one["id"], *one["with"])}
    tombstones = Tombstone.objects.for_tenant(platform.tenant).filter(entity="issue")
    assert set(tombstones.values_list("external_id", flat=True)) == gone
    assert all("404" in one.evidence and one.run == swept[0].pk for one in tombstones)
    rows = Issue.objects.for_tenant(platform.tenant).filter(external_id__in=gone)
    assert len(rows) == len(gone)
    assert all(row.deleted_at and row.summary for row in rows), "the rows stay"
    for child in (IssueChange, IssueComment):
        assert not child.objects.for_tenant(platform.tenant).filter(issue__in=gone, deleted_at=None).exists()
    raw = RawRecord.objects.for_tenant(platform.tenant).filter(external_id__in=gone, is_current=True)
    assert not raw.filter(entity__in=("issue", "issue_changelog", "issue_comments", "dev_status")).exists()


def test_moved_issues_keep_their_history_and_their_old_keys(
    platform: Platform, done: dict[str, Any], swept: tuple[Run, int]
) -> None:
    for moved in done["move"]:
        issue = Issue.objects.for_tenant(platform.tenant).get(external_id=str(moved["id"]))
        assert (issue.key, issue.deleted_at) == (moved["to"], None)
        keys = IssueKey.objects.for_tenant(platform.tenant).filter(issue=issue.external_id, deleted_at=None)
        assert moved["from"] in keys.values_list("key", flat=True)
        raw = RawRecord.objects.for_tenant(platform.tenant).filter(external_id=issue.external_id, is_current=True)
        scopes = set(raw.filter(entity__startswith="issue").values_list("scope", flat=True))
        assert scopes == {moved["to"].split("-")[0]}


def test_sweeping_again_finds_nothing_more(platform: Platform, swept: tuple[Run, int], fresh: Integration) -> None:
    before = list(Tombstone.objects.for_tenant(platform.tenant).order_by("pk").values_list("pk", "run"))
    assert sweep(platform).outcome == "complete"
    assert list(Tombstone.objects.for_tenant(platform.tenant).order_by("pk").values_list("pk", "run")) == before


def test_an_empty_list_deletes_nothing(platform: Platform, swept: tuple[Run, int], fresh: Integration) -> None:
    integration = platform.job("jira").integration
    assert integration
    before = counts(integration)
    platform.sandbox.control("faults", [answering("POST /search/jql", 200, NO_ISSUES)])
    sweep(platform)
    platform.sandbox.control("faults", [])
    assert counts(integration) == before


def test_a_failed_list_deletes_nothing(platform: Platform, swept: tuple[Run, int], fresh: Integration) -> None:
    integration = platform.job("jira").integration
    assert integration
    before = counts(integration)
    platform.sandbox.control("faults", [answering("POST /search/jql", 400, {"errorMessages": ["No."]})])
    assert sweep(platform).outcome == Outcome.INCOMPLETE
    platform.sandbox.control("faults", [])
    assert counts(integration) == before
    assert sweep(platform).outcome == Outcome.COMPLETE


def test_an_issue_that_comes_back_is_live_again(platform: Platform, swept: tuple[Run, int], fresh: Integration) -> None:
    """Jira answers 404 for each issue that the account may not see, until it has the right again."""
    integration = platform.job("jira").integration
    assert integration
    before = {table: living_rows(table, integration) for table in loaded_tables() if table not in VIEWS}
    denials = [
        answering("POST /search/jql", 200, NO_ISSUES),
        answering("POST /issue/bulkfetch", 200, {"issues": [], "issueErrors": []}),
        answering(r"GET /rest/api/3/issue/\d+\?fields=key", 404, {"errorMessages": ["Issue does not exist."]}),
    ]
    platform.sandbox.control("faults", denials)
    run = sweep(platform)
    platform.sandbox.control("faults", [])
    tombstones = Tombstone.objects.for_tenant(platform.tenant).filter(run=run.pk, entity="issue")
    number = tombstones.count()
    assert 0 < number <= MAX_ASKED
    assert run.outcome == Outcome.INCOMPLETE
    assert len(living_rows("warehouse_issue", integration)) == len(before["warehouse_issue"]) - number

    sweep(platform)
    assert not tombstones.exists()
    for table, rows in before.items():
        assert living_rows(table, integration) == rows, table
