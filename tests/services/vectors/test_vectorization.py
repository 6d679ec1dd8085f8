"""Does the Vectorization embed what is missing, remove orphans, and detect what Qdrant has lost?"""

from collections.abc import Callable, Sequence
from typing import Any

from apps.integrations.models import Integration
from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.reconcile import reconcile
from apps.vectors.selectors import orphans, pending, verify
from apps.vectors.services import EmbedReport, remove
from apps.vectors.store import Address, Store
from apps.warehouse.models import Issue

NewIssue = Callable[..., Issue]
Embed = Callable[..., EmbedReport]
Hook = Callable[[Callable[[Sequence[str]], None]], Any]


def pending_ids(tenant_id: int) -> list[int]:
    return [row_id for page in pending(tenant_id) for row_id in page.row_ids]


def test_new_documents_are_pending_in_pages(
    issue: NewIssue, integration: Integration, new_integration: Callable[[], Integration]
) -> None:
    issues = [issue(f"Issue {number}") for number in range(5)]
    issue("Of somebody else", at=new_integration())
    issue(" ")
    pages = list(pending(integration.tenant_id, size=2))
    assert {(page.integration_id, page.kind) for page in pages} == {(integration.pk, "issue")}
    assert [page.row_ids for page in pages] == [
        [one.pk for one in issues[start : start + 2]] for start in range(0, 5, 2)
    ]


def test_embedded_documents_are_no_longer_pending(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    unchanged, text, payload = issue("Unchanged"), issue("Text"), issue("Payload")
    embed(unchanged, text, payload)
    assert pending_ids(integration.tenant_id) == []
    Issue.across_tenants.filter(pk=text.pk).update(description="more words")
    Issue.across_tenants.filter(pk=payload.pk).update(key="OTHER-2")
    assert pending_ids(integration.tenant_id) == [text.pk, payload.pk]


def test_another_model_makes_everything_pending_and_the_old_points_orphans(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    one = issue("Log-in fails")
    embed(one)
    old = Store(current_embedder().name)
    hooked = hook(lambda _texts: None)
    hooked.name = "another-model"
    assert pending_ids(integration.tenant_id) == [one.pk]
    assert embed(one) == EmbedReport(embedded=1)
    (page,) = orphans(integration.tenant_id)
    assert remove(integration.tenant_id, page) == 1
    assert old.count(integration.tenant_id) == 0
    assert Store("another-model").count(integration.tenant_id) == 1
    assert verify(integration.tenant_id) == []


def test_orphans_are_found_in_pages_and_removed(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    issues = [issue(f"Issue {number}") for number in range(5)]
    kept = issue("Kept")
    embed(*issues, kept)
    Issue.across_tenants.filter(pk__in=[one.pk for one in issues]).delete()
    pages = list(orphans(integration.tenant_id, size=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sum(remove(integration.tenant_id, page) for page in pages) == 5
    assert verify(integration.tenant_id) == []
    assert Embedding.objects.for_tenant(integration.tenant_id).get().external_id == kept.external_id


def test_a_tenant_cannot_remove_points_of_another(
    issue: NewIssue, embed: Embed, new_integration: Callable[[], Integration]
) -> None:
    theirs = issue("Theirs", at=new_integration())
    embed(theirs)
    row = Embedding.objects.for_tenant(theirs.tenant_id).get()
    assert remove(new_integration().tenant_id, [row.pk]) == 0
    assert verify(theirs.tenant_id) == []


def test_points_lost_by_qdrant_become_pending_again(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    lost, kept = issue("Lost"), issue("Kept")
    embed(lost, kept)
    tenant_id = integration.tenant_id
    store = Store(current_embedder().name)
    store.delete(Address(tenant_id, integration.pk, "issue", lost.external_id).passages([0]))
    (difference,) = verify(tenant_id)
    assert (difference.documents, difference.embeddings, difference.points) == (2, 2, 1)
    assert reconcile(tenant_id) == (1, 0)
    assert pending_ids(tenant_id) == [lost.pk]
    embed(lost)
    assert verify(tenant_id) == []


def test_a_collection_that_was_left_without_indexes_gets_them(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    hook(lambda _texts: None).name = "left in the middle"
    store = Store("left in the middle")
    store._create(current_embedder().dimension)
    assert store.counts(integration.tenant_id) == {}
    embed(issue("Log-in fails"))
    assert store.counts(integration.tenant_id) == {(integration.pk, "issue"): 1}


def test_points_without_a_row_are_removed(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    stray, kept = issue("Stray"), issue("Kept")
    embed(stray, kept)
    Issue.across_tenants.filter(pk=stray.pk).delete()
    Embedding.objects.for_tenant(integration.tenant_id).filter(row_id=stray.pk).delete()
    assert reconcile(integration.tenant_id) == (0, 1)
    assert verify(integration.tenant_id) == []


def test_points_of_a_removed_integration_are_removed(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    embed(issue("Log-in fails"))
    tenant_id = integration.tenant_id
    integration.delete()
    assert [(one.documents, one.embeddings, one.points) for one in verify(tenant_id)] == [(0, 0, 1)]
    assert reconcile(tenant_id) == (0, 1)
    assert verify(tenant_id) == []


def test_nothing_changes_where_both_stores_agree(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    embed(issue("Log-in fails"))
    assert reconcile(integration.tenant_id) == (0, 0)
    assert pending_ids(integration.tenant_id) == []
