"""Which documents have the meaning that a person looks for? Search by text, or by similarity to an issue."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from qdrant_client import models

from apps.core.sql import rows
from apps.tenants.models import Tenant
from apps.vectors.embedders import EmbedderError, current_embedder
from apps.vectors.store import Address, Store, StoreError, belonging_to
from apps.warehouse.models import Issue

MAX_HITS = 100
MAX_EXCERPT_LENGTH = 240

_TEXTS = """
SELECT found.*, d.text
FROM unnest(%(integrations)s::bigint[], %(kinds)s::text[], %(external_ids)s::text[])
    AS found (integration_id, kind, external_id)
CROSS JOIN LATERAL (
    SELECT left(d.text, 1000) AS text FROM warehouse_document AS d
    WHERE d.integration_id = found.integration_id AND d.kind = found.kind
        AND d.external_id = found.external_id AND d.tenant_id = %(tenant)s OFFSET 0
) AS d
"""


class SearchError(Exception):
    """The search has no answer; the message says what a person can do."""


@dataclass(frozen=True)
class Hit:
    """A document that was found. ``score`` is the cosine: 1 for the same meaning.

    ``key`` names the issue or pull request. ``title`` is the first line of the present text in PostgreSQL, ``excerpt``
    is what follows it.
    """

    score: float
    kind: str
    key: str
    title: str
    excerpt: str
    payload: dict[str, Any] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def search(
    tenant: Tenant | int,
    text: str,
    *,
    kinds: Sequence[str] = (),
    project: str = "",
    repository: str = "",
    author: str = "",
    since: datetime | None = None,
    limit: int = 10,
) -> list[Hit]:
    """The tenant's documents nearest in meaning to ``text``, best first.

    ``project`` is a key, ``repository`` is ``owner/name``, ``author`` is the name or login as shown, ``since`` is the
    earliest time of the last change. Raises :class:`SearchError`.
    """
    if not text.strip():
        raise SearchError("Say in a few words what to look for.")
    tenant_id = tenant.pk if isinstance(tenant, Tenant) else tenant
    condition = _filter(tenant_id, kinds, [scope for scope in (project, repository) if scope], author, since)
    with _sentences():
        embedder = current_embedder()
        vector = embedder.embed([text])[0]
        if not vector.any():
            raise SearchError("The embedder finds no meaning in these words: try others.")
        return _hits(tenant_id, Store(embedder.name), vector.tolist(), condition, limit)


def similar(tenant: Tenant | int, key: str, *, kinds: Sequence[str] = ("issue",), limit: int = 10) -> list[Hit]:
    """The tenant's documents nearest in meaning to the issue ``key``. Raises :class:`SearchError`."""
    tenant_id = tenant.pk if isinstance(tenant, Tenant) else tenant
    issue = Issue.objects.for_tenant(tenant_id).filter(key__iexact=key.strip(), deleted_at=None).first()
    if issue is None:
        raise SearchError(f"There is no issue {key!r}.")
    point_id = Address(tenant_id, issue.integration_id, "issue", issue.external_id).point_id
    with _sentences():
        store = Store(current_embedder().name)
        if not store.present([point_id]):
            raise SearchError(f"{key} is not embedded yet: run the Vectorization job first.")
        return _hits(tenant_id, store, point_id, _filter(tenant_id, kinds, [], "", None), limit)


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (StoreError, EmbedderError) as error:
        raise SearchError(str(error)) from error


def _filter(
    tenant_id: int, kinds: Sequence[str], scopes: Sequence[str], author: str, since: datetime | None
) -> models.Filter:
    """A filter that always names the tenant. A scope is the project of an issue or the repository of a pull request."""
    conditions: list[models.Condition] = [belonging_to(tenant_id)]
    for key, values in (("kind", kinds), ("scope", scopes), ("author", [author] if author else [])):
        if values:
            conditions.append(models.FieldCondition(key=key, match=models.MatchAny(any=list(values))))
    if since:
        conditions.append(models.FieldCondition(key="updated_at", range=models.DatetimeRange(gte=since)))
    return models.Filter(must=conditions)


def _hits(tenant_id: int, store: Store, query: list[float] | str, condition: models.Filter, limit: int) -> list[Hit]:
    """The points with their texts from PostgreSQL. If a document was deleted meanwhile, its point is no hit."""
    if not store.has_collection():
        raise SearchError("Nothing is embedded yet: run the Vectorization job first.")
    found = store.nearest(query, condition, max(1, min(limit, MAX_HITS)))
    places = [(int(payload["integration"]), payload["kind"], payload["external_id"]) for _, payload in found]
    texts = _texts(tenant_id, places)
    return [
        _hit(score, payload, texts[place])
        for (score, payload), place in zip(found, places, strict=True)
        if place in texts
    ]


def _texts(tenant_id: int, places: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str, str], str]:
    integrations, kinds, external_ids = (list(column) for column in zip(*places, strict=True)) if places else ([],) * 3
    found = rows(_TEXTS, integrations=integrations, kinds=kinds, external_ids=external_ids, tenant=tenant_id)
    return {(integration, kind, external_id): text for integration, kind, external_id, text in found}


def _hit(score: float, payload: dict[str, Any], text: str) -> Hit:
    title, _, rest = text.strip().partition("\n")
    excerpt = " ".join(rest.split())
    if len(excerpt) > MAX_EXCERPT_LENGTH:
        excerpt = excerpt[:MAX_EXCERPT_LENGTH].rsplit(" ", 1)[0] + " …"
    return Hit(score, payload["kind"], payload.get("key") or "", title, excerpt, payload)
