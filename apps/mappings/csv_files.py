"""How are mappings exported and imported as CSV? Files contain names instead of ids. An import is all or nothing.

This is our own code and not django-import-export: that package has its own preview, history and permission model, and
would still need a resource class per table with these natural keys.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.utils.functional import cached_property

from apps.integrations.models import Integration
from apps.mappings.models import (
    FlowStep,
    MappingModel,
    StandardType,
    StatusMapping,
    TypeWorkflow,
    Workflow,
    WorkItemHierarchy,
    WorkItemTypeMapping,
)
from apps.warehouse.models import Project

MAX_CSV_ROWS = 5_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
TRUE, FALSE = "yes", "no"
FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


class CsvError(Exception):
    """Why a file was not imported, a sentence per line. Nothing was saved."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True)
class ReferenceColumn:
    """A column that names a row of ``model`` by ``name_field``, which is unique within the row in column ``within``."""

    model: type[models.Model]
    name_field: str = "name"
    within: str = ""

    def key(self, row: Any) -> tuple[int | None, str]:
        """The key by which ``row`` is found."""
        return (
            getattr(row, f"{self.within}_id") if self.within else None,
            getattr(row, self.name_field).lower(),
        )


@dataclass(frozen=True)
class Format:
    """The columns of a table's file in order, and the key columns that identify a row."""

    key: tuple[str, ...]
    columns: tuple[str, ...]


FORMATS: dict[type[MappingModel], Format] = {
    StandardType: Format(("name",), ("name", "level", "is_active")),
    WorkItemHierarchy: Format(("parent", "child"), ("parent", "child", "is_active")),
    WorkItemTypeMapping: Format(
        ("integration", "provider_type"), ("integration", "provider_type", "standard_type", "is_active")
    ),
    Workflow: Format(("name",), ("name", "is_default", "is_active")),
    FlowStep: Format(("workflow", "name"), ("workflow", "name", "position", "category", "is_active")),
    StatusMapping: Format(
        ("integration", "project", "provider_status", "workflow"),
        ("integration", "project", "provider_status", "workflow", "flow_step", "is_active"),
    ),
    TypeWorkflow: Format(("standard_type",), ("standard_type", "workflow", "is_active")),
}
REFERENCES = {
    "integration": ReferenceColumn(Integration),
    "project": ReferenceColumn(Project, "key", within="integration"),
    "standard_type": ReferenceColumn(StandardType),
    "parent": ReferenceColumn(StandardType),
    "child": ReferenceColumn(StandardType),
    "workflow": ReferenceColumn(Workflow),
    "flow_step": ReferenceColumn(FlowStep, within="workflow"),
}


def export_csv(rows: models.QuerySet[Any]) -> str:
    """``rows`` as CSV with a header. A text that a spreadsheet would run as a formula gets an apostrophe."""
    columns = FORMATS[rows.model].columns
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows.select_related(*(column for column in columns if column in REFERENCES)):
        writer.writerow([_cell(getattr(row, column), REFERENCES.get(column)) for column in columns])
    return out.getvalue()


def _cell(value: Any, reference: ReferenceColumn | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    text = str(getattr(value, reference.name_field) if reference else value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


@transaction.atomic
def import_csv(*, model: type[MappingModel], tenant: int, text: str) -> list[MappingModel]:
    """Add or change the rows in ``text``, and return them. Rows that are not in ``text`` stay unchanged.

    If a line is not valid, :class:`CsvError` names every such line, and nothing is saved.
    """
    importer = Importer(model, tenant)
    rows, errors = [], []
    for number, values in read_lines(text, FORMATS[model].columns):
        try:
            with transaction.atomic():
                rows.append(importer.take(values))
        except ValidationError as error:
            errors.append(f"Line {number}: {' '.join(error.messages)}")
        except IntegrityError as error:
            errors.append(f"Line {number}: {_broken_rule(model, error)}")
    if errors:
        raise CsvError(errors)
    try:
        connection.check_constraints()  # the deferred ones, which let two positions be swapped
    except IntegrityError as error:
        raise CsvError([_broken_rule(model, error)]) from error
    return rows


def _broken_rule(model: type[MappingModel], error: IntegrityError) -> str:
    """The error message of the constraint that the database named."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = diagnosis.constraint_name if diagnosis else None
    rules = [str(rule.get_violation_error_message()) for rule in model._meta.constraints if rule.name == name]
    return rules[0] if rules else "This conflicts with another row."


def read_lines(text: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines as (line number, value by column). Columns may be in any order, separated by commas or semicolons."""
    if "\0" in text:
        raise CsvError(["This is not a text file: it contains NUL characters."])
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";" if ";" in first else ",")
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if sorted(header) != sorted(columns):
            raise CsvError([f"Line 1 must be the header {','.join(columns)}; it is {','.join(header) or 'empty'}."])
        for count, cells in enumerate(reader):
            if count >= MAX_CSV_ROWS:
                raise CsvError([f"More than {MAX_CSV_ROWS} lines. Split the file."])
            if len(cells) not in (0, len(header)):
                raise CsvError([f"Line {reader.line_num}: {len(cells)} cells, but the header has {len(header)}."])
            if cells:
                yield reader.line_num, dict(zip(header, map(_text, cells), strict=True))
    except csv.Error as error:
        raise CsvError([f"Line {reader.line_num}: {error}."]) from error


def _text(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


class Importer:
    """Turns lines into rows of one table of one tenant. It reads each table that it needs once, not once per line."""

    def __init__(self, model: type[MappingModel], tenant: int) -> None:
        self.model, self.tenant, self.format = model, tenant, FORMATS[model]
        self._known: dict[str, dict[tuple[int | None, str], Any]] = {}

    def take(self, values: dict[str, str]) -> MappingModel:
        """Save one line and return its row; ``ValidationError`` says what is wrong with it."""
        read: dict[str, Any] = {}
        for column in self.format.columns:
            read[column] = self._read(column, values[column], read)
        key = self._key(read[column] for column in self.format.key)
        row = self.rows.get(key) or self.model(tenant_id=self.tenant)
        for column, value in read.items():
            setattr(row, column, value)
        row.full_clean(exclude={"tenant", *REFERENCES}, validate_constraints=False)
        row.save()
        self.rows[key] = row
        return row

    @cached_property
    def rows(self) -> dict[tuple[Any, ...], MappingModel]:
        """The tenant's rows by their natural key."""
        columns = self.format.key
        rows = self.model.across_tenants.filter(tenant=self.tenant).select_related(
            *(column for column in self.format.columns if column in REFERENCES)
        )
        return {self._key(getattr(row, column) for column in columns): row for row in rows}

    @staticmethod
    def _key(values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(value.lower() if isinstance(value, str) else getattr(value, "pk", value) for value in values)

    def _read(self, column: str, text: str, so_far: dict[str, Any]) -> Any:
        field = self.model._meta.get_field(column)
        if column in REFERENCES:
            return self._find(column, text, so_far)
        if isinstance(field, models.BooleanField):
            if text.lower() not in FLAGS:
                raise ValidationError(f"{column} must be {TRUE} or {FALSE}, not “{text}”.")
            return FLAGS[text.lower()]
        assert isinstance(field, models.Field)
        return field.to_python(text)

    def _find(self, column: str, text: str, so_far: dict[str, Any]) -> Any:
        reference = REFERENCES[column]
        if not text:
            if not self.model._meta.get_field(column).null:
                raise ValidationError(f"{column} is empty.")
            return None
        if column not in self._known:
            rows = reference.model._default_manager.filter(tenant=self.tenant)
            self._known[column] = {reference.key(row): row for row in rows}
        outer = so_far[reference.within] if reference.within else None
        found = self._known[column].get((outer and outer.pk, text.lower()))
        if found is None:
            where = f" in {reference.within} “{outer}”" if reference.within else ""
            raise ValidationError(f"There is no {column} “{text}”{where}.")
        return found
