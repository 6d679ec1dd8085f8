"""Is everything as after an undisturbed run? Tables are compared row for row, so are vectors, counts and stages."""

import json
import warnings
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from qdrant_client import QdrantClient

from apps.jobs.models import Run
from tests.platform import loaded_tables, table_rows

# Name of a part (a table, the points …) → its rows as texts, in order.
State = dict[str, list[str]]

_OTHERS = {
    "raw": "SELECT entity, external_id, scope, encode(content_hash, 'hex'), is_current FROM raw_extraction_data",
    "tombstones": "SELECT entity, external_id, scope FROM raw_tombstone",
    "quarantine": "SELECT entity, external_id, stage, error FROM raw_quarantine WHERE state = 'open'",
    "embeddings": "SELECT kind, external_id, model, passages, text_hash, payload_hash FROM vectors_embedding",
    "watermarks": "SELECT scope FROM jobs_watermark",
}
_STAGES = "SELECT step, stage, state, done, failed, total FROM progress_stageprogress WHERE run_id = %s"
# Parts that say how much work a run did itself. A run that follows a stopped one need not repeat all of it.
OWN_WORK = frozenset({"stages", "announced", "proof"})


def state_of(run: Run) -> State:
    """What a run has led to, without the ids and times of our own rows."""
    state = {table: _texts(table_rows(table)) for table in loaded_tables()}
    state |= {name: _texts(_rows(query)) for name, query in _OTHERS.items()}
    state["stages"] = _texts(_rows(_STAGES, run.pk))
    state["points"] = _texts(points())
    for column, numbers in run.counts.items():
        state[column] = sorted(f"{kind}: {number}" for kind, number in numbers.items())
    state["outcome"] = [run.outcome]
    state["proof"] = _texts(json.dumps(line, sort_keys=True) for line in run.proof)
    return state


def differences(expected: State, found: State, *, with_own_work: bool) -> list[str]:
    """A sentence for each part that differs. ``with_own_work``: also compare how much work the run did itself."""
    sentences = []
    for part in sorted((expected.keys() | found.keys()) - (frozenset() if with_own_work else OWN_WORK)):
        before, after = Counter(expected.get(part, [])), Counter(found.get(part, []))
        missing, extra = before - after, after - before
        if missing or extra:
            examples = [*missing.elements()][:2] + [*extra.elements()][:2]
            shown = " | ".join(example[:300] for example in examples)
            sentences.append(f"{part}: {missing.total()} rows missing, {extra.total()} too many: {shown}")
    return sentences


def points() -> list[tuple[Any, ...]]:
    """Every point of the vector store: collection, id, payload and a hash of its vector."""
    client = vector_store()
    found: list[tuple[Any, ...]] = []
    for collection in client.get_collections().collections:
        offset: Any = None
        while True:
            page, offset = client.scroll(
                collection.name, limit=1000, offset=offset, with_payload=True, with_vectors=True
            )
            found += [
                (collection.name, str(point.id), json.dumps(point.payload, sort_keys=True), _fingerprint(point.vector))
                for point in page
            ]
            if offset is None:
                break
    return found


def delete_vectors() -> None:
    """Delete all points."""
    client = vector_store()
    for collection in client.get_collections().collections:
        client.delete_collection(collection.name)


def vector_store() -> QdrantClient:
    """A separate client, because the product's client may be in use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(
            url=settings.QDRANT_URL, api_key=settings.QDRANT_API_KEY, timeout=20, check_compatibility=False
        )


def _fingerprint(vector: Any) -> str:
    return blake2b(json.dumps([round(value, 6) for value in vector]).encode(), digest_size=8).hexdigest()


def _texts(rows: Iterable[object]) -> list[str]:
    return sorted(map(repr, rows))


def _rows(query: str, *values: UUID) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, [str(value) for value in values])
        return list(cursor.fetchall())
