"""What is a batch about? There is one struct per kind of batch. Only this module reads and writes the
column ``covers``.

The column holds JSON without a tag. Each kind has a key that no other kind has, and that key identifies it. So rows of
older installations can be read.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias, TypeVar

import msgspec
from django.db.models import QuerySet

from apps.jobs.models import Batch
from apps.sources.base import Slice
from apps.sources.definition import Stage


class RawRecords(msgspec.Struct, frozen=True):
    """Raw records to transform."""

    ids: list[int] = msgspec.field(name="raw")


class StoredPage(msgspec.Struct, frozen=True):
    """The next page of what is stored, to transform again: current raw records with an id greater than ``after``."""

    after: int


class QuarantinedRecords(msgspec.Struct, frozen=True):
    """Records that were set aside, to try again."""

    ids: list[int] = msgspec.field(name="quarantine")


class LoadedRows(msgspec.Struct, frozen=True):
    """Loaded rows of one kind whose texts are to be embedded."""

    kind: str
    ids: list[int]
    integration_id: int = msgspec.field(name="integration")


class OrphanedEmbeddings(msgspec.Struct, frozen=True):
    """Embeddings of texts that are gone, to remove."""

    ids: list[int] = msgspec.field(name="orphans")


class VectorAction(StrEnum):
    """What the Vectorization job does beside embedding and removing."""

    RECONCILE = "reconcile"
    LOAD_MODEL = "queue"
    VERIFY = "verify"


class VectorTask(msgspec.Struct, frozen=True):
    """One action on the whole vector store of a tenant."""

    action: VectorAction = msgspec.field(name="do")


Coverage: TypeAlias = (
    Slice | RawRecords | StoredPage | QuarantinedRecords | LoadedRows | OrphanedEmbeddings | VectorTask
)
C = TypeVar("C", bound=Coverage)

# The key that identifies each kind. LoadedRows come before Slice, because both have a "kind".
_KINDS: dict[str, type[Coverage]] = {
    "raw": RawRecords,
    "after": StoredPage,
    "quarantine": QuarantinedRecords,
    "ids": LoadedRows,
    "orphans": OrphanedEmbeddings,
    "do": VectorTask,
    "kind": Slice,
}


class CoverageError(ValueError):
    """A batch covers something that its handler does not know."""


def encode(coverage: Coverage) -> dict[str, object]:
    """A coverage as the column stores it; what is unknown is left out."""
    stored: dict[str, object] = msgspec.to_builtins(coverage)
    return {key: value for key, value in stored.items() if value is not None}


def decode(stored: Mapping[str, object]) -> Coverage:
    """The coverage in the column; raises :class:`CoverageError` if no version of this software has written it."""
    for key, kind in _KINDS.items():
        if key in stored:
            return msgspec.convert(stored, kind)
    raise CoverageError(f"Nothing is known of a batch that covers {', '.join(stored) or 'nothing'}.")


def expect(batch: Batch, kind: type[C]) -> C:
    """The coverage of a batch, which must be of this kind; raises :class:`CoverageError` if it is of another kind."""
    coverage = decode(batch.covers)
    if not isinstance(coverage, kind):
        raise CoverageError(f"Batch {batch.pk} covers {type(coverage).__name__}, not {kind.__name__}.")
    return coverage


def is_open_list(coverage: Coverage) -> bool:
    """Whether a batch may add to the total of its stage: it is a slice whose records nobody has announced."""
    return isinstance(coverage, Slice) and coverage.announced is None


# --- in SQL -----------------------------------------------------------------------------------------------------------


def scopes_of(slices: QuerySet[Batch]) -> set[str]:
    """The projects and repositories that these batches of extraction ask for."""
    found = slices.values_list("covers__scope", "covers__scopes").distinct()
    return {name for scope, several in found for name in (scope, *(several or []))} - {"", None}


# The ids of the raw records that a run transforms; %(run)s is the run.
RAW_RECORD_IDS = f"""
SELECT (jsonb_array_elements_text(batch.covers -> 'raw'))::bigint FROM etl_job_queue AS batch
WHERE batch.run_id = %(run)s AND batch.stage = '{Stage.TRANSFORM.value}'
"""

# The kinds and ids of the rows whose texts a run embeds; %(run)s is the run.
LOADED_ROW_IDS = f"""
SELECT batch.covers ->> 'kind', array_agg(named.id::bigint)
FROM etl_job_queue AS batch, jsonb_array_elements_text(batch.covers -> 'ids') AS named (id)
WHERE batch.run_id = %(run)s AND batch.stage = '{Stage.EMBEDDING.value}' AND batch.covers ? 'kind' GROUP BY 1
"""
