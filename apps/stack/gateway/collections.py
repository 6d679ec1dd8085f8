"""Where are the collections stored, and which engine shard holds which?

One folder per collection: ``<root>/<name>/config.json`` and ``<root>/<name>/shard/``. While a folder is built or
removed, its name begins with a dot. A crash leaves only whole collections and folders that are ignored. Not
thread-safe: one thread owns it.
"""

import re
import shutil
from pathlib import Path
from uuid import uuid4

import msgspec
import qdrant_edge as edge

from apps.stack.gateway.errors import ExistsError, MissingError, WrongInputError
from apps.stack.gateway.schema import CreateCollection, VectorParams

# No index is ever built here, because optimize() would block the interpreter for many seconds.
_NEVER = 1_000_000_000
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}")


class Collections:
    """The collections under ``root``; a shard is opened at its first use."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._root.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, edge.EdgeShard] = {}
        for unfinished in self._root.glob(".*"):
            shutil.rmtree(unfinished)

    def names(self) -> list[str]:
        """The names of all collections, sorted."""
        return sorted(folder.name for folder in self._root.iterdir() if not folder.name.startswith("."))

    def has(self, name: str) -> bool:
        """Whether the collection ``name`` exists."""
        return _NAME.fullmatch(name) is not None and (self._root / name).is_dir()

    def create(self, name: str, request: CreateCollection) -> None:
        """Make an empty collection; raises ``ExistsError``, or ``WrongInputError`` for a bad name."""
        if not _NAME.fullmatch(name):
            raise WrongInputError("a collection name takes 1 to 255 letters, digits, '_', '-' and '.', not first a '.'")
        if self.has(name):
            raise ExistsError(name)
        vectors = request.vectors
        config = edge.EdgeConfig(
            vectors=edge.EdgeVectorParams(
                vectors.size, getattr(edge.Distance, vectors.distance), on_disk=vectors.on_disk
            ),
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_NEVER),
        )
        unfinished = self._root / f".{uuid4().hex}"
        (unfinished / "shard").mkdir(parents=True)
        edge.EdgeShard.create(str(unfinished / "shard"), config).close()
        stored = VectorParams(size=vectors.size, distance=vectors.distance, on_disk=vectors.on_disk)
        (unfinished / "config.json").write_bytes(msgspec.json.encode(stored))
        unfinished.rename(self._root / name)

    def delete(self, name: str) -> bool:
        """Remove the collection with its points; False when it does not exist."""
        if not self.has(name):
            return False
        if shard := self._open.pop(name, None):
            shard.close()
        unfinished = self._root / f".{uuid4().hex}"
        (self._root / name).rename(unfinished)
        shutil.rmtree(unfinished)
        return True

    def shard(self, name: str) -> edge.EdgeShard:
        """The engine's shard of ``name``; raises ``MissingError``."""
        if name not in self._open:
            self._must_exist(name)
            self._open[name] = edge.EdgeShard.load(str(self._root / name / "shard"))
        return self._open[name]

    def vectors(self, name: str) -> VectorParams:
        """Size and distance of the vectors of ``name``; raises ``MissingError``."""
        self._must_exist(name)
        return msgspec.json.decode((self._root / name / "config.json").read_bytes(), type=VectorParams)

    def close(self) -> None:
        """Write everything to the disk and close all shards."""
        for shard in self._open.values():
            shard.flush()
            shard.close()
        self._open.clear()

    def _must_exist(self, name: str) -> None:
        if not self.has(name):
            raise MissingError(f"Collection `{name}` doesn't exist!")
