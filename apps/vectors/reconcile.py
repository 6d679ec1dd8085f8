"""What if Qdrant has lost points, or kept some that nobody knows of? Then what it has is believed."""

from django.db.models import QuerySet

from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.selectors import Difference, verify
from apps.vectors.store import PAGE, Address, Store


def reconcile(tenant_id: int) -> tuple[int, int]:
    """Make the ``Embedding`` rows agree with Qdrant; gives (rows forgotten, points removed).

    A row without a point is forgotten: its document is pending again. A point without a row is removed. Only
    what :func:`~apps.vectors.selectors.verify` finds different is looked at, page by page.
    """
    model = current_embedder().name
    store = Store(model)
    forgotten = removed = 0
    for difference in verify(tenant_id):
        if difference.embeddings == difference.points:
            continue
        rows = Embedding.objects.for_tenant(tenant_id).filter(
            integration_id=difference.integration_id, kind=difference.kind, model=model
        )
        forgotten += _forget_rows_without_point(store, rows, tenant_id, difference)
        removed += _remove_points_without_row(store, rows, tenant_id, difference)
    return forgotten, removed


def _forget_rows_without_point(store: Store, rows: QuerySet[Embedding], tenant_id: int, place: Difference) -> int:
    after = forgotten = 0
    while page := list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", "external_id")[:PAGE]):
        after = page[-1][0]
        points = {
            Address(tenant_id, place.integration_id, place.kind, external_id).point_id: pk for pk, external_id in page
        }
        present = store.present(list(points))
        missing = [pk for point, pk in points.items() if point not in present]
        forgotten += rows.filter(pk__in=missing).delete()[0]
    return forgotten


def _remove_points_without_row(store: Store, rows: QuerySet[Embedding], tenant_id: int, place: Difference) -> int:
    removed = 0
    for page in store.addresses(tenant_id, place.integration_id, place.kind):
        external_ids = [address.external_id for address in page]
        known = set(rows.filter(external_id__in=external_ids).values_list("external_id", flat=True))
        stray = [address.point_id for address in page if address.external_id not in known]
        store.delete(stray)
        removed += len(stray)
    return removed
