"""Does an incremental run with a sweep ask little of a sample server, and know what a fresh full load would know?"""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.sources.rows import Row
from tests.processes import Sandbox
from tests.unit.sources.github.memory import MemoryContext, Outcome, extract, tables, transform

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


def load(sandbox: Sandbox, **options: Any) -> tuple[MemoryContext, Outcome, int]:
    """A run, its outcome and its requests."""
    sandbox.control("reset-stats")
    with MemoryContext(sandbox.url("github"), **options) as context:
        outcome = extract(context)
    return context, outcome, sandbox.served()


def changed(sandbox: Sandbox, before: MemoryContext, order: Any, **options: Any) -> tuple[MemoryContext, Outcome, int]:
    """Change something; then what changed since then, with a sweep."""
    begin = datetime.now(UTC) - timedelta(seconds=2)
    sandbox.control("mutate", order)
    return load(sandbox, since=begin, sweep=True, records=copy.deepcopy(before.records), **options)


def known(context: MemoryContext) -> Tables:
    """The rows of all records, without people: of those GitHub tells no changes."""
    found = tables(transform(context))
    found.pop("user")
    return found


def test_two_percent_of_changes_cost_less_than_five_percent_of_a_full_load(large: Sandbox) -> None:
    first, _, full = load(large)
    context, outcome, requests = changed(large, first, {"seed": 3, "share": 0.02})
    assert requests <= full * 0.05
    assert outcome.skips == []
    assert known(context) == known(load(large)[0])


def test_a_full_load_asks_little(tmp_path_factory: pytest.TempPathFactory) -> None:
    for sandbox in server(tmp_path_factory, 500):
        assert load(sandbox)[2] <= 60


@pytest.mark.parametrize("fault", [None, {"match": "POST /graphql", "skip": 1, "times": 3, "action": TOO_MUCH}])
def test_deletions_are_found_and_proven(small: Sandbox, fault: Any) -> None:
    first, _, _ = load(small)
    if fault:
        small.control("faults", [fault])
    context, outcome, _ = changed(small, first, {"seed": 5, "share": 0.15, "kinds": DELETIONS})
    assert {gone.entity for gone in outcome.deletions} >= {"release", "deployment", "pull_request"}
    assert all("404" in gone.evidence or "null" in gone.evidence for gone in outcome.deletions)
    assert known(context) == known(load(small)[0])


def test_repositories_that_move_and_vanish(small: Sandbox) -> None:
    first, _, _ = load(small)
    kinds = ["rename_repository", "transfer_repository", "delete_repository"]
    context, outcome, _ = changed(small, first, {"seed": 6, "share": 0.1, "kinds": kinds})
    assert sum(gone.entity == "repository" for gone in outcome.deletions) == 1
    assert {gone.entity for gone in outcome.deletions} >= {"repository", "pull_request", "workflow_run"}
    assert known(context) == known(load(small)[0])


def test_repositories_that_are_named_are_looked_at_together(small: Sandbox) -> None:
    names = tuple(sorted(small.truth()["by_repository"]))[:6]
    first, _, _ = load(small, scopes=names)
    context, _, requests = changed(small, first, {"seed": 7, "share": 0.03, "kinds": ["edit_pull"]}, scopes=names)
    assert requests <= 3
    assert known(context) == known(load(small, scopes=names)[0])


def test_a_run_without_permission_to_see_anything_concludes_nothing(small: Sandbox) -> None:
    first, _, _ = load(small)
    hidden = [
        {"match": "GET /repositories/", "action": {"type": "status", "status": 404}},
        {"match": "GET /(repos|user/repos)", "action": {"type": "status", "status": 200, "body": []}},
    ]
    small.control("mutate", {"seed": 8, "share": 0.01, "kinds": ["delete_repository"]})
    small.control("faults", hidden)
    _, outcome, _ = load(small, since=datetime.now(UTC), sweep=True, records=copy.deepcopy(first.records))
    assert outcome.deletions == []
    assert "Nothing is taken for deleted" in outcome.skips[0].reason


def test_without_graphql_a_sweep_finds_deletions_too(small: Sandbox) -> None:
    small.control("faults", [NO_GRAPHQL])
    first, _, _ = load(small)
    kinds = ["delete_remark", "delete_note", "delete_pull", "delete_release", "delete_deployment"]
    context, outcome, _ = changed(small, first, {"seed": 9, "share": 0.1, "kinds": kinds})
    assert {gone.entity for gone in outcome.deletions} >= {
        "release",
        "deployment",
        "pull_request",
        "pull_request_comments",
    }
    assert known(context) == known(load(small)[0])
