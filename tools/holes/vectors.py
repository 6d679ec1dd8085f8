"""How do vectors belong to a stored state? The points that a state had are kept, and those that are missing come back.

Points that a state did not have do no harm: they are written anew when their texts are loaded.
"""

from typing import Any

from qdrant_client import models

from tools.chaos.state import vector_store

MAX_POINTS = 10_000  # of one state


class Vectors:
    """The points of all stored states, by collection and id."""

    def __init__(self) -> None:
        self._client = vector_store()
        self._kept: dict[str, dict[str, Any]] = {}

    def keep(self) -> None:
        """Keep the points that are there now."""
        for collection in self._client.get_collections().collections:
            points, _ = self._client.scroll(collection.name, limit=MAX_POINTS, with_payload=True, with_vectors=True)
            kept = self._kept.setdefault(collection.name, {})
            kept |= {str(point.id): point for point in points if str(point.id) not in kept}

    def put_back(self) -> None:
        """Bring back the kept points that are missing."""
        for name, kept in self._kept.items():
            present, _ = self._client.scroll(name, limit=MAX_POINTS, with_payload=False, with_vectors=False)
            missing = kept.keys() - {str(point.id) for point in present}
            if missing:
                points = [
                    models.PointStruct(id=point.id, vector=point.vector, payload=point.payload)
                    for point in (kept[point_id] for point_id in sorted(missing))
                ]
                self._client.upsert(name, points, wait=True)
