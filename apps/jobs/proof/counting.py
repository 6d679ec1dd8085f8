"""How is a run's proof made? A few statements over whole sets, whatever their size.

A full or sweeping run, and the first one, is judged by everything that is stored. Any other run is judged by what it
touched: the ids that it listed, and the records and texts of its batches.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db import connection
from psycopg import sql

from apps.jobs.choices import RunMode
from apps.jobs.models import Counts, Run
from apps.jobs.proof.lines import SHOWN, Line, Missing
from apps.jobs.queue.covers import LOADED_ROW_IDS, RAW_RECORD_IDS
from apps.raw import selectors as raw
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.warehouse import selectors as warehouse
from apps.warehouse.loader import EMBEDDABLE
from apps.warehouse.models import MODELS

Counter = Callable[[int], dict[str, int]]


class Texts(NamedTuple):
    """The texts of one kind in one project or repository: how many there are, are embedded, are set aside, lack."""

    kind: str
    scope: str
    number: int
    embedded: int
    set_aside: int
    dismissed: int
    missing: int
    ids: list[str] | None


# (tenant, integration or None for all, row ids by kind or None for all) → the state of their texts.
TextProver = Callable[[int, int | None, dict[str, list[int]] | None], list[Texts]]

_counters: dict[str, Counter] = {
    "extracted": raw.extracted,
    "loaded": warehouse.counts,
    "set_aside": raw.set_aside,
}
_text_provers: list[TextProver] = []


def register_counter(column: str, counter: Counter) -> None:
    """Add a column to the counts: a function from an integration's id to numbers per kind."""
    _counters[column] = counter


def register_text_prover(prover: TextProver) -> None:
    """Say who knows what is embedded."""
    _text_provers.append(prover)


def counts_of(run: Run) -> Counts:
    """What is there at the end of a run, by column and kind; ``announced`` is what this run was told."""
    if run.integration_id is None:
        return {}
    return {"announced": run.announced} | {column: counter(run.integration_id) for column, counter in _counters.items()}


def prove(run: Run, counts: Counts) -> list[Line]:
    """The lines of a run that has no open batch, those of one kind together."""
    lines = _Lines()
    everything = _is_judged_by_everything(run)
    if run.integration_id is not None:
        _add_records(lines, run, counts["extracted"], everything)
        _add_listed(lines, run)
        if everything:
            _add_children(lines, run.integration_id, counts)
    _add_texts(lines, run, None if everything else _touched_rows(run, counts))
    _mark_nothing_found(lines, run, counts, everything)
    return lines.sorted()


class _Lines:
    """The lines so far, by kind and scope."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Line] = {}

    def line(self, kind: str, scope: str = "") -> Line:
        return self._lines.setdefault((kind, scope), Line(kind, scope))

    def sorted(self) -> list[Line]:
        return [self._lines[place] for place in sorted(self._lines)]

    def listed_kinds(self) -> set[str]:
        return {line.kind for line in self._lines.values() if line.exact}


def _is_judged_by_everything(run: Run) -> bool:
    if run.integration_id is None:
        return True
    if run.mode == RunMode.FULL or run.sweep:
        return not run.scopes
    return run.mode == RunMode.INCREMENTAL and run.job.last_sync_date is None


# --- records: stored and loaded ---------------------------------------------------------------------------------------

_TOUCHED = f"""
r.id IN (
    {RAW_RECORD_IDS}
    UNION ALL
    SELECT listed.id FROM raw_seen AS seen
    JOIN raw_extraction_data AS listed USING (integration_id, entity, external_id)
    WHERE seen.run = %(run)s AND listed.is_current
)
"""

# A record of an entity that is named as a loaded table has its row there, under its own external id. Ids are put in
# order when they are few: ordered here, all rows would be sorted.
_RECORDS = """
SELECT r.entity, r.scope, count(*), count(*) FILTER (WHERE q.id IS NULL), {loaded},
    count(*) FILTER (WHERE q.state = 'open'), count(*) FILTER (WHERE q.state = 'dismissed'),
    count(*) FILTER (WHERE {lacks}), (array_agg(r.external_id) FILTER (WHERE {lacks}))[:{shown}]
FROM raw_extraction_data AS r
{row}
LEFT JOIN raw_quarantine AS q ON q.integration_id = r.integration_id AND q.stage = %(transform)s
    AND q.entity = r.entity AND q.external_id = r.external_id AND q.state <> 'resolved'
WHERE r.integration_id = %(integration)s AND r.is_current AND r.entity = ANY ({entities}) AND {judged}
GROUP BY r.entity, r.scope
"""
_ROW = """
LEFT JOIN {table} AS own ON own.integration_id = r.integration_id AND own.external_id = r.external_id
    AND own.deleted_at IS NULL
"""


def _add_records(lines: _Lines, run: Run, extracted: Iterable[str], everything: bool) -> None:
    judged = sql.SQL("true" if everything else _TOUCHED)
    entities = sorted(extracted)
    raw_only = [entity for entity in entities if entity not in MODELS]
    parts = [_records([entity], judged, MODELS[entity]._meta.db_table) for entity in entities if entity in MODELS]
    query = sql.SQL("UNION ALL").join([*parts, _records(raw_only, judged)])
    values = {"run": run.pk, "integration": run.integration_id, "transform": Stage.TRANSFORM.value}
    for entity, scope, number, transformed, loaded, set_aside, dismissed, missing, ids in _rows(query, values):
        line = lines.line(entity, scope)
        line.extracted, line.transformed, line.loaded = number, transformed, loaded
        line.set_aside, line.dismissed = set_aside, dismissed
        line.missing_loaded = Missing(missing, sorted(ids or []))


def _records(entities: list[str], judged: sql.Composable, table: str = "") -> sql.Composed:
    return sql.SQL(_RECORDS).format(
        loaded=sql.SQL("count(own.id)" if table else "NULL::bigint"),
        lacks=sql.SQL("own.id IS NULL AND q.id IS NULL" if table else "false"),
        row=sql.SQL(_ROW).format(table=sql.Identifier(table)) if table else sql.SQL(""),
        entities=sql.Literal(entities),
        judged=judged,
        shown=sql.Literal(SHOWN),
    )


def _add_listed(lines: _Lines, run: Run) -> None:
    for entity, scope, number, missing, ids in raw.listed(run.pk, SHOWN):
        line = lines.line(entity, scope)
        line.listed, line.exact, line.missing_raw = number, True, Missing(missing, sorted(ids or []))


def _add_children(lines: _Lines, integration_id: int, counts: Counts) -> None:
    """The tables that come out of other kinds' records: comments out of issues, reviews out of pull requests."""
    rest = {kind: number for kind, number in counts["loaded"].items() if number and kind not in counts["extracted"]}
    for scope, numbers in warehouse.counts_by_scope(integration_id, rest).items():
        for kind, number in numbers.items():
            lines.line(kind, scope).loaded = number
            rest[kind] -= number
    for kind, number in rest.items():
        if number:
            lines.line(kind).loaded = number


# --- texts: embedded --------------------------------------------------------------------------------------------------

_ROWS_OF_RECORDS = """
SELECT {kind}, array_agg(own.id) FROM raw_extraction_data AS r
JOIN {table} AS own ON own.integration_id = r.integration_id AND own.external_id = r.external_id
WHERE r.integration_id = %(integration)s AND r.is_current AND r.entity = {kind} AND {touched}
"""


def _touched_rows(run: Run, counts: Counts) -> dict[str, list[int]]:
    """The rows whose texts this run is answerable for."""
    values = {"run": run.pk, "integration": run.integration_id}
    own = [
        sql.SQL(_ROWS_OF_RECORDS).format(
            kind=sql.Literal(kind),
            table=sql.Identifier(MODELS[kind]._meta.db_table),
            touched=sql.SQL(_TOUCHED),
        )
        for kind in EMBEDDABLE & counts["extracted"].keys()
    ]
    found: dict[str, set[int]] = {}
    for kind, ids in _rows(sql.SQL("UNION ALL").join([sql.SQL(LOADED_ROW_IDS), *own]), values):
        found.setdefault(kind, set()).update(ids or [])
    return {kind: sorted(ids) for kind, ids in found.items()}


def _add_texts(lines: _Lines, run: Run, rows: dict[str, list[int]] | None) -> None:
    for prover in _text_provers:
        for texts in prover(run.tenant_id, run.integration_id, rows):
            line = lines.line(texts.kind, texts.scope)
            line.texts, line.embedded = texts.number, texts.embedded
            line.set_aside += texts.set_aside
            line.dismissed += texts.dismissed
            line.missing_embedded = Missing(texts.missing, sorted(texts.ids or []))


# --- nothing found where something was expected -----------------------------------------------------------------------


def _mark_nothing_found(lines: _Lines, run: Run, counts: Counts, everything: bool) -> None:
    if run.integration is None or run.mode in (RunMode.RANGE, RunMode.RETRANSFORM):
        return
    listed = lines.listed_kinds()
    for kind in warehouse.SCOPES.keys() - listed - run.announced.keys():
        if stored := counts["extracted"].get(kind):
            line = lines.line(kind)
            line.nothing_found, line.extracted = True, stored
    chosen = {scope.lower() for scope in run.scopes or run.integration.scopes}
    if everything:
        for kind in _kinds_listed_by_id(run, listed):
            for line in lines.sorted():
                is_chosen = not chosen or line.scope.lower() in chosen
                if line.kind == kind and line.scope and is_chosen and line.extracted and not line.listed:
                    line.nothing_found, line.listed, line.exact = True, 0, True
    if chosen and not listed and not run.announced and not counts["extracted"]:
        lines.line("").nothing_found = True


def _kinds_listed_by_id(run: Run, listed: set[str]) -> set[str]:
    """What this run has listed, and what its steps are about where an earlier run has listed that."""
    units = {step.unit for step in definition(run.job.job_type).steps} - listed - {""}
    earlier = Run.across_tenants.filter(job=run.job_id)
    return listed | {unit for unit in units if earlier.filter(proof__contains=[{"kind": unit, "exact": True}]).exists()}


def _rows(query: sql.Composable, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
