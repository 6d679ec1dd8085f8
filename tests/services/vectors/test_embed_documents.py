"""Does a batch embed exactly the documents that need it, and are its rows and points right?"""

import gc
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from qdrant_client import models

from apps.integrations.models import Integration
from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.selectors import verify
from apps.vectors.services import EmbedReport
from apps.vectors.store import Address, Store, StoreError, belonging_to
from apps.warehouse.models import Issue

NewIssue = Callable[..., Issue]
Embed = Callable[..., EmbedReport]
Hook = Callable[[Callable[[Sequence[str]], None]], Any]


def payload_of(issue: Issue) -> dict[str, Any]:
    """The payload of the issue's point, found by the vector of its own text."""
    vector = current_embedder().embed([f"{issue.summary}\n\n{issue.description}"])[0].tolist()
    found = Store(current_embedder().name).nearest(vector, belonging_to(issue.tenant_id), 10)
    (payload,) = [payload for score, payload in found if payload["external_id"] == issue.external_id and score > 0.99]
    return payload


def test_new_documents_are_embedded_and_recorded(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    issues = [issue("Log-in fails", "Since the upgrade"), issue("Cart is empty")]
    assert embed(*issues) == EmbedReport(embedded=2)
    rows = Embedding.objects.for_tenant(integration.tenant_id)
    assert {(row.kind, row.external_id, row.row_id, row.model) for row in rows} == {
        ("issue", one.external_id, one.pk, current_embedder().name) for one in issues
    }
    assert payload_of(issues[0])["key"] == issues[0].key
    assert verify(integration.tenant_id) == []


def test_a_second_time_nothing_is_embedded(issue: NewIssue, embed: Embed, hook: Hook) -> None:
    one = issue("Log-in fails")
    embed(one)
    hook(lambda texts: pytest.fail(f"embedded again: {texts}"))
    assert embed(one) == EmbedReport(unchanged=1)


def test_a_changed_text_moves_the_point(issue: NewIssue, embed: Embed) -> None:
    one = issue("Log-in fails")
    embed(one)
    one.summary = "The invoice has the wrong currency"
    one.save()
    assert embed(one) == EmbedReport(embedded=1)
    assert payload_of(one)["key"] == one.key


def test_a_new_payload_is_written_without_embedding(issue: NewIssue, embed: Embed, hook: Hook) -> None:
    one, other = issue("Log-in fails"), issue("Log-in is slow")
    embed(one, other)
    hook(lambda texts: pytest.fail(f"embedded again: {texts}"))
    one.key = "OTHER-1"
    one.save()
    assert embed(one, other) == EmbedReport(refreshed=1, unchanged=1)
    assert payload_of(one)["key"] == "OTHER-1"
    assert payload_of(other)["key"] == other.key


def test_deleted_and_blank_documents_lose_their_points(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    kept, gone, deleted, blank = issue("Kept"), issue("Gone"), issue("Deleted"), issue("Blank")
    embed(kept, gone, deleted, blank)
    gone.deleted_at = timezone.now()
    gone.save()
    Issue.across_tenants.filter(pk=deleted.pk).delete()
    blank.summary = "\u00a0 \n"
    blank.save()
    assert embed(kept, gone, deleted, blank) == EmbedReport(unchanged=1, removed=3)
    assert Store(current_embedder().name).count(integration.tenant_id) == 1
    assert verify(integration.tenant_id) == []


def test_a_refused_text_is_reported_and_the_rest_goes_on(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    bad = issue("Something forbidden")
    good = [issue(f"Number {number}") for number in range(6)]
    hook(lambda _texts: None)
    report = embed(*good[:4], bad, *good[4:])
    assert report.embedded == 6
    assert [(one.external_id, one.error) for one in report.failures] == [
        (bad.external_id, "This text is too much for the model.")
    ]
    (difference,) = verify(integration.tenant_id)
    assert (difference.documents, difference.embeddings, difference.points) == (7, 6, 6)
    assert "7 documents, 6 recorded as embedded, 6 points" in str(difference)


ODD_TEXTS = [
    "odd" * 1_000_000,  # one word of 3 MB
    "begin" + "\n" * 1_000_000 + "end",
    "\U0001f469\u200d\U0001f4bb" * 50_000,
    "e" + "\u0301" * 100_000,
    "\u202e\u0007\x1b[31m\ufeff\uffff\ufffd" * 1_000,
    "\u200b\u2060\ufeff",
    "語" * 100_000,
    "[" * 100_000,
]


def test_odd_texts_cost_no_other_document(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    good = [issue(f"Number {number}") for number in range(4)]
    odd = [issue(text[:1_000], text) for text in ODD_TEXTS]
    odd += [issue("Odd column", **{name: text[:10_000]}) for name in ("assignee", "status") for text in ODD_TEXTS]
    assert embed(*good[:2], *odd, *good[2:]) == EmbedReport(embedded=len(good) + len(odd))
    assert all(payload_of(one)["key"] == one.key for one in good)
    assert verify(integration.tenant_id) == []


def test_rows_of_another_tenant_are_not_touched(
    issue: NewIssue, embed: Embed, new_integration: Callable[[], Integration]
) -> None:
    mine, theirs = issue("Mine"), issue("Theirs", at=new_integration())
    assert embed(mine, theirs) == EmbedReport(embedded=1)
    assert not Embedding.objects.for_tenant(theirs.tenant_id).exists()


def test_the_last_text_wins_when_two_batches_cross(issue: NewIssue, embed: Embed, hook: Hook) -> None:
    one = issue("Old words about log-in")
    overtaken: list[bool] = []

    def another_worker(_texts: Sequence[str]) -> None:
        if not overtaken:
            overtaken.append(True)
            Issue.across_tenants.filter(pk=one.pk).update(summary="New words about invoices")
            embed(one)

    hook(another_worker)
    assert embed(one) == EmbedReport(embedded=1)
    one.refresh_from_db()
    assert payload_of(one)["key"] == one.key
    hook(lambda texts: pytest.fail(f"embedded again: {texts}"))
    assert embed(one) == EmbedReport(unchanged=1)


def test_the_number_of_queries_does_not_grow_with_the_batch(issue: NewIssue, embed: Embed) -> None:
    def queries(size: int) -> int:
        issues = [issue(f"Issue {number}") for number in range(size)]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert embed(*issues).embedded == size
        return len(captured)

    assert queries(3) == queries(40)


def test_nothing_is_recorded_when_qdrant_is_away(
    issue: NewIssue, embed: Embed, integration: Integration, settings: Settings
) -> None:
    one = issue("Log-in fails")
    settings.QDRANT_URL = "http://127.0.0.1:9"
    with pytest.raises(StoreError, match="Qdrant cannot be reached"):
        embed(one)
    assert not Embedding.objects.for_tenant(integration.tenant_id).exists()


def test_the_id_of_a_point_never_changes() -> None:
    assert Address(1, 2, "issue", "10001").point_id == "b1ca40a6-e659-521d-bf4e-b84a9354ef48"
    assert len({Address(1, 2, "issue", str(number)).point_id for number in range(100)}) == 100


def test_what_was_written_leaves_the_memory(issue: NewIssue, embed: Embed) -> None:
    gc.collect()
    gc.disable()  # a worker collects so rarely that requests would pile up
    try:
        embed(*[issue(f"Issue {number}") for number in range(3)])
        alive = [one for one in gc.get_objects() if isinstance(one, models.PointsBatch | models.Batch)]
        bodies = [one for one in gc.get_objects() if isinstance(one, httpx.Request) and b"vectors" in one.content]
    finally:
        gc.enable()
    assert (alive, bodies) == ([], [])
