"""Which batches follow a batch? Raw records to transform and rows to embed, in batches of a limited size."""

from collections.abc import Iterator, Sequence

from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import LoadedRows, RawRecords
from apps.sources.definition import Stage
from apps.sources.text import in_pieces

MAX_RECORDS = 400  # in one batch of the transform
MAX_TEXTS = 512  # in one batch of the embedding


def to_transform(step: str, raw_ids: Sequence[int]) -> Iterator[NewBatch]:
    """The batches that transform these raw records."""
    for ids in in_pieces(raw_ids, MAX_RECORDS):
        yield NewBatch(step, Stage.TRANSFORM, RawRecords(list(ids)), len(ids))


def to_embed(step: str, kind: str, row_ids: Sequence[int], integration_id: int) -> Iterator[NewBatch]:
    """The batches that embed the texts of these rows."""
    for ids in in_pieces(row_ids, MAX_TEXTS):
        yield NewBatch(step, Stage.EMBEDDING, LoadedRows(kind, list(ids), integration_id), len(ids))
