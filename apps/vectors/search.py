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
from apps.vectors.passages import MAX_DOCUMENT_CHARS, passages_of
from apps.vectors.store import Address, Passage, Store, StoreError, belonging_to
from apps.warehouse.models import Issue

MAX_HITS = 100
MAX_EXCERPT_LENGTH = 300  # a whole passage of the default embedder
MAX_START_CHARS = 1000  # that are read of a text whose first passage was found

_TEXTS = """
SELECT found.integration_id, found.kind, found.external_id, d.text
FROM unnest(%(integrations)s::bigint[], %(kinds)s::text[], %(external_ids)s::text[], %(chars)s::int[])
    AS found (integration_id, kind, external_id, chars)
CROSS JOIN LATERAL (
    SELECT left(d.text, found.chars) AS text FROM warehouse_document AS d
    WHERE d.integration_id = found.integration_id AND d.kind = found.kind
        AND d.external_id = found.external_id AND d.tenant_id = %(tenant)s OFFSET 0
) AS d
"""


class SearchError(Exception):
    """The search has no answer; the message says what a person can do."""


@dataclass(frozen=True)
class Hit:
    """A document that was found. ``score`` is the cosine of its best passage: 1 for the same meaning.

    ``key`` names the issue or pull request. ``title`` is the first line of the present text in PostgreSQL, ``excerpt``
    is that passage, or what follows the title. ``payload`` is that of the passage's point.
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
    address = Address(tenant_id, issue.integration_id, "issue", issue.external_id)
    with _sentences():
        store = Store(current_embedder().name)
        if not store.present(address.passages([0])):
            raise SearchError(f"{key} is not embedded yet: run the Vectorization job first.")
        condition = _filter(tenant_id, kinds, [], "", None)
        return _hits(tenant_id, store, address.point_id, condition, limit, without=address)


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


def _hits(
    tenant_id: int,
    store: Store,
    query: list[float] | str,
    condition: models.Filter,
    limit: int,
    *,
    without: Address | None = None,
) -> list[Hit]:
    """The documents with their texts from PostgreSQL, except one. A document that was deleted meanwhile is no hit."""
    if not store.has_collection():
        raise SearchError("Nothing is embedded yet: run the Vectorization job first.")
    limit = max(1, min(limit, MAX_HITS))
    found = [
        (score, Passage.of(tenant_id, payload), payload)
        for score, payload in store.nearest(query, condition, limit + (without is not None))
    ]
    found = [one for one in found if one[1].document != without][:limit]
    texts = _texts(tenant_id, [passage for _, passage, _ in found])
    return [
        _hit(score, passage.number, payload, texts[passage.document])
        for score, passage, payload in found
        if passage.document in texts
    ]


def _texts(tenant_id: int, passages: Sequence[Passage]) -> dict[Address, str]:
    """The texts of the documents, as far as an excerpt needs them."""
    found = rows(
        _TEXTS,
        tenant=tenant_id,
        integrations=[passage.document.integration for passage in passages],
        kinds=[passage.document.kind for passage in passages],
        external_ids=[passage.document.external_id for passage in passages],
        chars=[MAX_DOCUMENT_CHARS if passage.number else MAX_START_CHARS for passage in passages],
    )
    return {Address(tenant_id, *identity): text for *identity, text in found}


def _hit(score: float, number: int, payload: dict[str, Any], text: str) -> Hit:
    title, _, rest = text.strip().partition("\n")
    passages = passages_of(text, current_embedder().passage_size) if number else []
    excerpt = f"… {_shortened(passages[number])}" if number < len(passages) else _shortened(rest)
    return Hit(score, payload["kind"], payload.get("key") or "", title[:MAX_START_CHARS], excerpt, payload)


def _shortened(text: str) -> str:
    excerpt = " ".join(text.split())
    if len(excerpt) > MAX_EXCERPT_LENGTH:
        excerpt = excerpt[:MAX_EXCERPT_LENGTH].rsplit(" ", 1)[0] + " …"
    return excerpt
