"""What if Qdrant has lost points, or has points without a row? Then the rows follow what Qdrant has."""

from django.db.models import QuerySet

from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.selectors import Difference, verify
from apps.vectors.store import MAX_POINTS_PER_CALL, Address, Store


def reconcile(tenant_id: int) -> tuple[int, int]:
    """Make the ``Embedding`` rows agree with Qdrant; gives (deleted rows, removed points).

    A row without a point is deleted: its document is pending again. A point without a row is removed. Only kinds whose
    counts differ (see :func:`~apps.vectors.selectors.verify`) are compared, page by page.
    """
    model = current_embedder().name
    store = Store(model)
    deleted = removed = 0
    for difference in verify(tenant_id):
        if difference.embeddings == difference.points:
            continue
        rows = Embedding.objects.for_tenant(tenant_id).filter(
            integration_id=difference.integration_id, kind=difference.kind, model=model
        )
        deleted += _delete_rows_without_point(store, rows, tenant_id, difference)
        removed += _remove_points_without_row(store, rows, tenant_id, difference)
    return deleted, removed


def _delete_rows_without_point(store: Store, rows: QuerySet[Embedding], tenant_id: int, place: Difference) -> int:
    after = deleted = 0
    while page := list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", "external_id")[:MAX_POINTS_PER_CALL]):
        after = page[-1][0]
        points = {
            Address(tenant_id, place.integration_id, place.kind, external_id).point_id: pk for pk, external_id in page
        }
        present = store.present(list(points))
        missing = [pk for point, pk in points.items() if point not in present]
        deleted += rows.filter(pk__in=missing).delete()[0]
    return deleted


def _remove_points_without_row(store: Store, rows: QuerySet[Embedding], tenant_id: int, place: Difference) -> int:
    removed = 0
    for page in store.addresses(tenant_id, place.integration_id, place.kind):
        external_ids = [address.external_id for address in page]
        recorded = set(rows.filter(external_id__in=external_ids).values_list("external_id", flat=True))
        stray = [address.point_id for address in page if address.external_id not in recorded]
        store.delete(stray)
        removed += len(stray)
    return removed
