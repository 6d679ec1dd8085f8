"""What does the search page show?"""

from django.http import QueryDict

from apps.sources.rows import EMBEDDED_KINDS
from apps.tenants.models import Tenant
from apps.warehouse.models import Project, Repository

MAX_HITS = 30


def answer(tenant: Tenant, asked: QueryDict) -> dict[str, object]:
    """The context of the page: the form as it was filled in, and the hits or the sentence why there are none."""
    text, kind, scope = (asked.get(name, "").strip() for name in ("q", "kind", "scope"))
    context: dict[str, object] = {
        "text": text,
        "kind": kind,
        "scope": scope,
        "kinds": EMBEDDED_KINDS,
        "projects": _scopes(tenant, Project, "key"),
        "repositories": _scopes(tenant, Repository, "full_name"),
    }
    if text:
        # Imported late: Qdrant's client is large, and a worker's main process must not hold its gRPC connections.
        from apps.vectors.search import SearchError, search

        try:
            context["hits"] = search(
                tenant, text, kinds=[kind] if kind in EMBEDDED_KINDS else [], project=scope, limit=MAX_HITS
            )
        except SearchError as error:
            context["problem"] = str(error)
    return context


def _scopes(tenant: Tenant, model: type[Project] | type[Repository], column: str) -> list[str]:
    rows = model.objects.for_tenant(tenant).filter(deleted_at=None)
    return list(rows.order_by(column).values_list(column, flat=True).distinct())
