"""Is everything else loaded if rows have odd values, and does everything that the sources make of odd values fit?"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count, cycle
from typing import Any

import msgspec
import pytest
from django.db import transaction

from apps.integrations.models import Integration
from apps.sources.base import Source, SourceRecord, Transformed
from apps.sources.github import GitHub
from apps.sources.jira import Jira
from apps.sources.rows import Row
from apps.warehouse.loader import LoadReport, load_or_split
from apps.warehouse.models import MODELS
from tests.odd_values import places
from tests.services.warehouse.conftest import NOON, every_row
from tests.unit.sources.memory import MemoryContext
from tests.unit.sources.sandbox import pulled, running

LONG_TEXT = random.Random(1).randbytes(10_000).hex()
# The odd values of columns by type. Some of them fit; the others must cost their record only.
ODD: dict[Any, list[Any]] = {
    str: ["a\0b", "a\ud800b", LONG_TEXT, "odd" * 1_000_000, None, 5],
    int: [2**31, -(2**31) - 1, 2**63, 2**70, None, "5"],
    float: [float("inf"), float("nan"), None, "5"],
    bool: [None, 2, "true"],
    datetime: [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), NOON.replace(tzinfo=None), "today"],
    date: [date.min, date.max, "today"],
    list: [["a\0b"], ["a\ud800b"], [None], None, "a"],
}
# What may become a value of a column, and what the column or its index may not hold.
STORED = (
    "a number",
    "a number beyond bigint",
    "a text with NUL and half a pair",
    "a text longer than an index allows",
    "the first time",
    "the last time",
)


def odd_rows() -> Iterator[Row]:
    """A row for each column, with an odd value there. The odd values of a type follow each other."""
    following = {kind: cycle(values) for kind, values in ODD.items()}
    for row in every_row():
        for field in msgspec.structs.fields(row):
            kind = next(kind for kind in (str, int, float, bool, datetime, date, list) if is_of(field.type, kind))
            changes = {"external_id": f"odd {field.name}"} | {field.name: next(following[kind])}
            yield msgspec.structs.replace(row, **changes)


def is_of(annotation: Any, kind: type) -> bool:
    return any(part is kind for part in (annotation, getattr(annotation, "__origin__", None), *parts_of(annotation)))


def parts_of(annotation: Any) -> tuple[Any, ...]:
    return () if getattr(annotation, "__origin__", None) is list else getattr(annotation, "__args__", ())


def load_all(integration: Integration, rows: list[Row]) -> tuple[LoadReport, list[tuple[int, Exception]]]:
    with transaction.atomic():
        return load_or_split(
            [(number, Transformed(rows=[row])) for number, row in enumerate(rows)],
            tenant_id=integration.tenant_id,
            integration_id=integration.pk,
        )


def test_odd_rows_cost_no_other_row(jira: Integration) -> None:
    good = [msgspec.structs.replace(row, external_id=f"good {number}") for number in range(3) for row in every_row()]
    odd = list(odd_rows())
    rows = [*good[::2], *odd, *good[1::2], *good[:5]]
    random.Random(1).shuffle(rows)
    report, refused = load_all(jira, rows)
    assert refused
    assert all(rows[number] in odd for number, _ in refused)
    for name, model in MODELS.items():
        assert model.across_tenants.filter(external_id__startswith="good").count() == 3, name
    assert sum(table.inserted for table in report.tables.values()) == len(good) + len(odd) - len(refused)


@pytest.mark.parametrize("source", [Jira(), GitHub()], ids=["jira", "github"])
def test_whatever_a_source_makes_of_odd_values_fits(jira: Integration, source: Source) -> None:
    with running() as url:
        path = "jira" if isinstance(source, Jira) else "github"
        context, _ = pulled(source, f"{url}/{path}", "ada@example.org")
    rows = list(odd_rows_of(source, context))
    assert {row.table for row in rows} >= ({"issue", "issue_comment"} if path == "jira" else {"pull_request", "review"})
    report, refused = load_all(jira, rows)
    assert refused == []
    assert sum(table.inserted for table in report.tables.values()) == len(rows)


def odd_rows_of(source: Source, context: MemoryContext) -> Iterator[Row]:
    """One row for each column and odd value, as the source makes it of a record with the odd value somewhere."""
    numbers, known = count(), set[tuple[str, str, str]]()
    entities = sorted({entity for entity, _ in context.stored if not entity.startswith("pull_request_")})
    for entity in entities:
        owners = {id(payload): (payload, r) for r in context.current(entity) for payload in [json.loads(r.payload)]}
        for place in places((payload for payload, _ in owners.values()), seed=1, samples=1):
            record = owners[id(place.payload)][1]
            before = all_rows(source, context, record)
            for name, payload in place.with_each(STORED):
                after = all_rows(source, context, msgspec.structs.replace(record, payload=payload))
                for row in after:
                    columns = changed_columns(before, row)
                    new = {(row.table, column, name) for column in columns} - known
                    if new:
                        known |= new
                        renamed = row.external_id if "external_id" in columns else f"{next(numbers)}:{row.external_id}"
                        yield msgspec.structs.replace(row, external_id=renamed)


def all_rows(source: Source, context: MemoryContext, record: SourceRecord) -> list[Row]:
    try:
        done = source.transform(record, context)
    except Exception:
        return []  # set aside
    return [*done.gap_rows, *done.rows]


def changed_columns(before: list[Row], row: Row) -> list[str]:
    """The columns that differ from the row with the same id; of a row with a new id all columns."""
    if row in before:
        return []
    old = next((one for one in before if (one.table, one.external_id) == (row.table, row.external_id)), None)
    return [name for name in row.__struct_fields__ if old is None or getattr(old, name) != getattr(row, name)]
