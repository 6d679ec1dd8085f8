"""Does an incremental run with a sweep take few requests, and have the rows of a fresh full load?"""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources.rows import Row
from tests.processes import Sandbox
from tests.unit.sources.github.memory import Extracted, MemoryContext, extract, tables, transform

NO_GRAPHQL = {"match": "POST /graphql", "action": {"type": "status", "status": 404}}
TOO_MUCH = {"type": "graphql_errors"}
DELETIONS = ["delete_remark", "delete_note", "delete_review", "delete_pull", "delete_release", "delete_deployment"]
Tables = dict[str, dict[str, Row]]


def server(folder: Any, prs: int) -> Iterator[Sandbox]:
    with Sandbox(folder.mktemp("sandbox"), issues=200, prs=prs) as running:
        yield running


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    yield from server(tmp_path_factory, 2000)


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    yield from server(tmp_path_factory, 120)


def load(sandbox: Sandbox, **options: Any) -> tuple[MemoryContext, Extracted, int]:
    """A run: what it extracted, and its requests."""
    sandbox.control("reset-stats")
    with MemoryContext(sandbox.url("github"), **options) as context:
        extracted = extract(context)
    return context, extracted, sandbox.served()


def changed(
    sandbox: Sandbox, before: MemoryContext, order: Any, **options: Any
) -> tuple[MemoryContext, Extracted, int]:
    """Change something, then load the changes with a sweep."""
    begin = datetime.now(UTC) - timedelta(seconds=2)
    sandbox.control("mutate", order)
    return load(sandbox, since=begin, sweep=True, records=copy.deepcopy(before.records), **options)


def rows_of(context: MemoryContext) -> Tables:
    """The rows of all records, without people: GitHub does not report their changes."""
    found = tables(transform(context))
    found.pop("user")
    return found


def test_two_percent_of_changes_cost_less_than_five_percent_of_a_full_load(large: Sandbox) -> None:
    first, _, full = load(large)
    context, extracted, requests = changed(large, first, {"seed": 3, "share": 0.02})
    runs = sum(slice_.kind == "workflow_runs" for slice_ in extracted.slices)  # one page of each repository
    assert requests - runs - 1 <= full * 0.05  # without the list of the organisation
    assert runs <= len(large.truth()["by_repository"])
    assert extracted.skips == []
    assert rows_of(context) == rows_of(load(large)[0])


def test_a_full_load_takes_few_requests(tmp_path_factory: pytest.TempPathFactory) -> None:
    for sandbox in server(tmp_path_factory, 500):
        assert load(sandbox)[2] <= 61


@pytest.mark.parametrize("fault", [None, {"match": "POST /graphql", "skip": 1, "times": 3, "action": TOO_MUCH}])
def test_deletions_are_found_and_proven(small: Sandbox, fault: Any) -> None:
    first, _, _ = load(small)
    if fault:
        small.control("faults", [fault])
    context, extracted, _ = changed(small, first, {"seed": 5, "share": 0.15, "kinds": DELETIONS})
    assert {gone.entity for gone in extracted.deletions} >= {"release", "deployment", "pull_request"}
    assert all("404" in gone.evidence or "null" in gone.evidence for gone in extracted.deletions)
    assert rows_of(context) == rows_of(load(small)[0])


def test_repositories_that_are_renamed_moved_or_deleted_are_followed(small: Sandbox) -> None:
    first, _, _ = load(small)
    kinds = ["rename_repository", "transfer_repository", "delete_repository"]
    context, extracted, _ = changed(small, first, {"seed": 6, "share": 0.1, "kinds": kinds})
    assert sum(gone.entity == "repository" for gone in extracted.deletions) == 1
    assert {gone.entity for gone in extracted.deletions} >= {"repository", "pull_request", "workflow_run"}
    assert rows_of(context) == rows_of(load(small)[0])


def test_named_repositories_share_their_queries(small: Sandbox) -> None:
    names = tuple(sorted(small.truth()["by_repository"]))[:6]
    first, _, _ = load(small, scopes=names)
    context, _, requests = changed(small, first, {"seed": 7, "share": 0.03, "kinds": ["edit_pull"]}, scopes=names)
    assert requests <= 3 + len(names)  # and a page of workflow runs of each
    assert rows_of(context) == rows_of(load(small, scopes=names)[0])


def test_a_run_that_may_not_see_anything_takes_nothing_for_deleted(small: Sandbox) -> None:
    first, _, _ = load(small)
    hidden = [
        {"match": "GET /repositories/", "action": {"type": "status", "status": 404}},
        {"match": "GET /(repos|user/repos)", "action": {"type": "status", "status": 200, "body": []}},
    ]
    small.control("mutate", {"seed": 8, "share": 0.01, "kinds": ["delete_repository"]})
    small.control("faults", hidden)
    _, extracted, _ = load(small, since=datetime.now(UTC), sweep=True, records=copy.deepcopy(first.records))
    assert extracted.deletions == []
    assert any("Nothing is marked as deleted" in skip.reason for skip in extracted.skips)


def test_a_sweep_reads_what_is_not_stored_however_old_it_is(small: Sandbox) -> None:
    whole, _, _ = load(small)
    lost = sorted(name for entity, name in whole.records if entity == "pull_request")[::3]
    records = {key: record for key, record in whole.records.items() if key[1].partition(":")[0] not in lost}
    swept, _, _ = load(small, since=datetime.now(UTC), sweep=True, records=copy.deepcopy(records))
    assert {("pull_request", name) for name in lost} <= swept.records.keys() - records.keys()
    assert rows_of(swept) == rows_of(whole)


def test_without_graphql_a_sweep_finds_deletions_too(small: Sandbox) -> None:
    small.control("faults", [NO_GRAPHQL])
    first, _, _ = load(small)
    kinds = ["delete_remark", "delete_note", "delete_pull", "delete_release", "delete_deployment"]
    context, extracted, _ = changed(small, first, {"seed": 9, "share": 0.1, "kinds": kinds})
    assert {gone.entity for gone in extracted.deletions} >= {
        "release",
        "deployment",
        "pull_request",
        "pull_request_comments",
    }
    assert rows_of(context) == rows_of(load(small)[0])
