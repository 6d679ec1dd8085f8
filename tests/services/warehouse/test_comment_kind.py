"""Do stored comments get names with their kind, and may the migration be undone?"""

from importlib import import_module

from django.db import connection

from apps.integrations.models import Integration
from apps.sources import rows
from apps.sources.base import Transformed
from apps.warehouse.models import PullRequestComment
from tests.services.warehouse.conftest import NOON, load_into

migration = import_module("apps.warehouse.migrations.0007_comment_kind")


def _names() -> set[tuple[str, str]]:
    return set(PullRequestComment.across_tenants.values_list("kind", "external_id"))


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_comments_get_their_kind_once_and_lose_it_again(github: Integration) -> None:
    given = [("issue", "1"), ("review", "2"), ("review", "review:3")]
    load_into(
        github,
        Transformed(
            [
                rows.PullRequestComment(external_id=name, kind=kind, pull_request="5", created_at=NOON)
                for kind, name in given
            ]
        ),
    )
    for _ in range(2):
        _run(migration.FORWARDS)
        assert _names() == {("issue", "issue:1"), ("review", "review:2"), ("review", "review:3")}
    _run(migration.BACKWARDS)
    assert _names() == {("issue", "1"), ("review", "2"), ("review", "3")}


def test_comments_with_the_same_number_both_stay_when_it_is_undone(github: Integration) -> None:
    both = [
        rows.PullRequestComment(external_id=f"{kind}:1", kind=kind, pull_request="5", created_at=NOON)
        for kind in ("issue", "review")
    ]
    load_into(github, Transformed([*both]))
    _run(migration.BACKWARDS)
    assert _names() == {("issue", "1"), ("review", "review:1")}
