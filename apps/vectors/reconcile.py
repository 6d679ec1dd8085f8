"""What if Qdrant has lost points, or has points without a row? Then the rows follow what Qdrant has."""

from django.db.models import QuerySet

from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.selectors import Difference, verify
from apps.vectors.store import Address, Store

MAX_ROWS_PER_PAGE = 200


def reconcile(tenant_id: int) -> tuple[int, int]:
    """Make the ``Embedding`` rows agree with Qdrant; gives (deleted rows, removed points).

    A row that misses a point is deleted: its document is pending again. A point without a row is removed. Only kinds
    whose counts differ (see :func:`~apps.vectors.selectors.verify`) are compared, page by page.
    """
    model = current_embedder().name
    store = Store(model)
    deleted = removed = 0
    for difference in verify(tenant_id):
        if difference.passages == difference.points:
            continue
        rows = Embedding.objects.for_tenant(tenant_id).filter(
            integration_id=difference.integration_id, kind=difference.kind, model=model
        )
        deleted += _delete_incomplete_rows(store, rows, tenant_id, difference)
        removed += _remove_points_without_row(store, rows, tenant_id, difference)
    return deleted, removed


def _delete_incomplete_rows(store: Store, rows: QuerySet[Embedding], tenant_id: int, place: Difference) -> int:
    after = deleted = 0
    columns = rows.order_by("pk").values_list("pk", "external_id", "passages")
    while page := list(columns.filter(pk__gt=after)[:MAX_ROWS_PER_PAGE]):
        after = page[-1][0]
        recorded = {
            pk: Address(tenant_id, place.integration_id, place.kind, external_id).passages(range(passages))
            for pk, external_id, passages in page
        }
        present = store.present([passage for passages in recorded.values() for passage in passages])
        incomplete = [pk for pk, passages in recorded.items() if not present.issuperset(passages)]
        deleted += rows.filter(pk__in=incomplete).delete()[0]
    return deleted


def _remove_points_without_row(store: Store, rows: QuerySet[Embedding], tenant_id: int, place: Difference) -> int:
    removed = 0
    for page in store.passages(tenant_id, place.integration_id, place.kind):
        external_ids = {passage.document.external_id for passage in page}
        recorded = dict(rows.filter(external_id__in=external_ids).values_list("external_id", "passages"))
        stray = [passage for passage in page if passage.number >= recorded.get(passage.document.external_id, 0)]
        store.delete(stray)
        removed += len(stray)
    return removed
