"""Which batches follow a batch? Raw records to transform and rows to embed, in batches of a limited size.

A worker has one batch in memory, so its size must not depend on how large the records of a provider are.
"""

from collections.abc import Iterator, Sequence

from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import LoadedRows, RawRecords
from apps.raw import selectors as raw
from apps.sources.definition import Stage
from apps.sources.text import in_pieces, in_portions

MAX_RECORDS = 400  # in one batch of the transform
MAX_BYTES = 8 * 1024 * 1024  # of their payloads; a larger record is a batch of its own
MAX_TEXTS = 512  # in one batch of the embedding


def to_transform(step: str, raw_ids: Sequence[int]) -> Iterator[NewBatch]:
    """The batches that transform these raw records."""
    sizes = raw.sizes(raw_ids)
    for some in in_pieces(raw_ids, MAX_RECORDS):
        for ids in in_portions(some, lambda raw_id: sizes.get(raw_id, 0), MAX_BYTES):
            yield NewBatch(step, Stage.TRANSFORM, RawRecords(ids), len(ids))


def to_embed(step: str, kind: str, row_ids: Sequence[int], integration_id: int) -> Iterator[NewBatch]:
    """The batches that embed the texts of these rows."""
    for ids in in_pieces(row_ids, MAX_TEXTS):
        yield NewBatch(step, Stage.EMBEDDING, LoadedRows(kind, list(ids), integration_id), len(ids))
