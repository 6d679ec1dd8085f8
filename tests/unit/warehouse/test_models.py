"""Do the loaded tables have a column for each field of the row structs?"""

from datetime import date, datetime
from types import NoneType
from typing import Any, get_args

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import models
from msgspec.structs import fields

from apps.sources.rows import EMBEDDED_KINDS, Row
from apps.warehouse.models import MODELS, LoadedModel

KINDS: "dict[Any, type[models.Field[Any, Any]]]" = {
    str: models.TextField,
    bool: models.BooleanField,
    int: models.IntegerField,
    float: models.FloatField,
    date: models.DateField,
    datetime: models.DateTimeField,
    list[str]: ArrayField,
}
COMMON = {"id", "tenant", "integration", "raw", "loaded_at", "deleted_at"}


@pytest.mark.parametrize("row_type", Row.__subclasses__(), ids=lambda row_type: row_type.table)
def test_columns_are_the_fields_of_the_struct(row_type: type[Row]) -> None:
    columns = {column.name: column for column in MODELS[row_type.table]._meta.concrete_fields}
    promised = {field.name: field.type for field in fields(row_type)}
    assert set(columns) - COMMON == set(promised)
    for name, kind in promised.items():
        options = set(get_args(kind)) - {NoneType} if NoneType in get_args(kind) else {kind}
        assert type(columns[name]) is KINDS[options.pop()], name
        assert columns[name].null == (NoneType in get_args(kind)), name


def test_every_row_has_one_model() -> None:
    assert {row_type.table for row_type in Row.__subclasses__()} == set(MODELS)
    assert len(set(MODELS.values())) == len(MODELS)
    assert {row_type.__name__ for row_type in Row.__subclasses__()} == {model.__name__ for model in MODELS.values()}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_no_index_but_the_key_knows_the_integration(model: type[LoadedModel]) -> None:
    key, *others = model._meta.constraints
    assert (key.fields, others) == (("integration", "external_id"), [])  # type: ignore[attr-defined]
    assert not any("integration" in index.fields for index in model._meta.indexes)


def test_embedded_tables_are_loaded_tables() -> None:
    assert set(MODELS) > set(EMBEDDED_KINDS)
