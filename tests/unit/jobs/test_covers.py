"""Can coverages of older installations be read, and are they still stored in the same way?"""

import json
from typing import Any

import pytest

from apps.jobs.models import Batch
from apps.jobs.queue.covers import (
    Coverage,
    CoverageError,
    LoadedRows,
    OrphanedEmbeddings,
    QuarantinedRecords,
    RawRecords,
    StoredPage,
    VectorAction,
    VectorTask,
    decode,
    encode,
    expect,
)
from apps.sources.base import Slice

STORED: list[tuple[dict[str, Any], Coverage]] = [
    (
        {"kind": "issues", "args": {"keys": ["PAY"], "raw": 1}, "scope": "PAY", "scopes": []},
        Slice("issues", {"keys": ["PAY"], "raw": 1}, "PAY"),
    ),
    ({"kind": "list", "args": {}, "scope": "", "scopes": ["PAY", "OPS"]}, Slice("list", scopes=("PAY", "OPS"))),
    ({"raw": [1, 2]}, RawRecords([1, 2])),
    ({"raw": []}, RawRecords([])),
    ({"after": 0}, StoredPage(0)),
    ({"quarantine": [3]}, QuarantinedRecords([3])),
    ({"kind": "issue", "ids": [4, 5], "integration": 6}, LoadedRows("issue", [4, 5], 6)),
    ({"orphans": [7]}, OrphanedEmbeddings([7])),
    ({"do": "reconcile"}, VectorTask(VectorAction.RECONCILE)),
    ({"do": "queue"}, VectorTask(VectorAction.LOAD_MODEL)),
    ({"do": "verify"}, VectorTask(VectorAction.VERIFY)),
]


@pytest.mark.parametrize(("stored", "coverage"), STORED)
def test_every_kind_of_batch_is_stored_and_read_as_ever(stored: dict[str, Any], coverage: Coverage) -> None:
    assert decode(stored) == coverage
    assert json.loads(json.dumps(encode(coverage))) == stored


@pytest.mark.parametrize("stored", [{}, {"something": 1}])
def test_what_nobody_has_written_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(CoverageError):
        decode(stored)


def test_a_worker_refuses_a_batch_of_another_kind() -> None:
    with pytest.raises(CoverageError, match="RawRecords"):
        expect(Batch(covers={"raw": [1]}), LoadedRows)
