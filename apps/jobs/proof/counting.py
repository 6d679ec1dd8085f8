"""How is the proof of a run computed? By a few SQL statements over whole tables.

A full run, a run with a sweep and the first run are judged by everything that is stored. Any other run is judged by
what it touched: the ids that it listed, and the records and texts of its batches.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from psycopg import sql

from apps.core.sql import rows
from apps.jobs.choices import RunMode
from apps.jobs.models import Counts, Run
from apps.jobs.proof.lines import MAX_MISSING_IDS, Missing, ProofLine
from apps.jobs.queue.covers import LOADED_ROW_IDS, RAW_RECORD_IDS
from apps.raw import selectors as raw
from apps.raw.models import QuarantineState
from apps.raw.statements import CURRENT_RECORDS, LISTED_RECORD_IDS, unresolved
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.sources.rows import EMBEDDED_KINDS
from apps.warehouse import selectors as warehouse
from apps.warehouse.models import MODELS

Counter = Callable[[int], dict[str, int]]


class Texts(NamedTuple):
    """The texts of one kind in one project or repository: all, embedded …; ``ids`` are some of the missing."""

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
    "extracted": raw.count_current,
    "loaded": warehouse.counts,
    "set_aside": raw.count_quarantined,
}
_text_provers: list[TextProver] = []


def register_counter(column: str, counter: Counter) -> None:
    """Add a column to the counts: a function that gives the numbers per kind of an integration."""
    _counters[column] = counter


def register_text_prover(prover: TextProver) -> None:
    """Add a function that knows which texts are embedded."""
    _text_provers.append(prover)


def counts_of(run: Run) -> Counts:
    """The counts at the end of a run, by column and kind; ``announced`` is what the provider said in this run."""
    if run.integration_id is None:
        return {}
    return {"announced": run.announced} | {column: counter(run.integration_id) for column, counter in _counters.items()}


def prove(run: Run, counts: Counts) -> list[ProofLine]:
    """The lines of a run that has no open batch, those of one kind together."""
    lines = _Lines()
    must_judge_all = _must_judge_all(run)
    if run.integration_id is not None:
        _add_records(lines, run, counts["extracted"], must_judge_all)
        _add_listed(lines, run)
        if must_judge_all:
            _add_children(lines, run.integration_id, counts)
    touched = None if must_judge_all else _touched_rows(run, counts)
    if run.integration_id is not None:
        _add_missing_children(lines, run.integration_id, touched)
    _add_texts(lines, run, touched)
    _mark_nothing_found(lines, run, counts, must_judge_all)
    return lines.sorted()


class _Lines:
    """The lines so far, by kind and project or repository."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], ProofLine] = {}

    def line(self, kind: str, scope: str = "") -> ProofLine:
        return self._lines.setdefault((kind, scope), ProofLine(kind, scope))

    def sorted(self) -> list[ProofLine]:
        return [self._lines[place] for place in sorted(self._lines)]

    def listed_kinds(self) -> set[str]:
        return {line.kind for line in self._lines.values() if line.exact}


def _must_judge_all(run: Run) -> bool:
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
    {LISTED_RECORD_IDS}
)
"""

# A record whose entity has a loaded table has its row there, under the same external id. The ids are sorted later, when
# they are few: sorting them here would sort all rows.
_RECORDS = sql.SQL("""
SELECT r.entity, r.scope, count(*), count(*) FILTER (WHERE q.id IS NULL), {loaded},
    count(*) FILTER (WHERE q.state = %(open)s), count(*) FILTER (WHERE q.state = %(dismissed)s),
    count(*) FILTER (WHERE {is_missing}), (array_agg(r.external_id) FILTER (WHERE {is_missing}))[:%(max_ids)s]
FROM ({current}) AS r
{row}
LEFT JOIN ({unresolved}) AS q ON q.integration_id = r.integration_id AND q.entity = r.entity
    AND q.external_id = r.external_id
WHERE r.integration_id = %(integration)s AND r.entity = ANY ({entities}) AND {judged}
GROUP BY r.entity, r.scope
""")
_ROW = sql.SQL("""
LEFT JOIN {table} AS own ON own.integration_id = r.integration_id AND own.external_id = r.external_id
    AND own.deleted_at IS NULL
""")


def _add_records(lines: _Lines, run: Run, extracted: Iterable[str], must_judge_all: bool) -> None:
    judged = sql.SQL("true" if must_judge_all else _TOUCHED)
    entities = sorted(extracted)
    raw_only = [entity for entity in entities if entity not in MODELS]
    parts = [_records([entity], judged, MODELS[entity]._meta.db_table) for entity in entities if entity in MODELS]
    query = sql.SQL("UNION ALL").join([*parts, _records(raw_only, judged)])
    counted = rows(
        query,
        run=run.pk,
        integration=run.integration_id,
        open=QuarantineState.OPEN.value,
        dismissed=QuarantineState.DISMISSED.value,
        max_ids=MAX_MISSING_IDS,
    )
    for entity, scope, number, transformed, loaded, set_aside, dismissed, missing, ids in counted:
        line = lines.line(entity, scope)
        line.extracted, line.transformed, line.loaded = number, transformed, loaded
        line.set_aside, line.dismissed = set_aside, dismissed
        line.missing_loaded = Missing(missing, sorted(ids or []))


def _records(entities: list[str], judged: sql.Composable, table: str = "") -> sql.Composed:
    """The counts of some entities; ``table`` is the loaded table of the only one, if it has one."""
    return _RECORDS.format(
        current=sql.SQL(CURRENT_RECORDS),
        unresolved=sql.SQL(unresolved(Stage.TRANSFORM)),
        loaded=sql.SQL("count(own.id)" if table else "NULL::bigint"),
        is_missing=sql.SQL("own.id IS NULL AND q.id IS NULL" if table else "false"),
        row=_ROW.format(table=sql.Identifier(table)) if table else sql.SQL(""),
        entities=sql.Literal(entities),
        judged=judged,
    )


def _add_listed(lines: _Lines, run: Run) -> None:
    for entity, scope, number, missing, ids in raw.count_listed(run.pk, MAX_MISSING_IDS):
        line = lines.line(entity, scope)
        line.listed, line.exact, line.missing_raw = number, True, Missing(missing, sorted(ids or []))


def _add_children(lines: _Lines, integration_id: int, counts: Counts) -> None:
    """The tables that are loaded from records of other kinds: comments from issues, reviews from pull requests."""
    rest = {kind: number for kind, number in counts["loaded"].items() if number and kind not in counts["extracted"]}
    for scope, numbers in warehouse.counts_by_scope(integration_id, rest).items():
        for kind, number in numbers.items():
            lines.line(kind, scope).loaded = number
            rest[kind] -= number
    for kind, number in rest.items():
        if number:
            lines.line(kind).loaded = number


def _add_missing_children(lines: _Lines, integration_id: int, parents: dict[str, list[int]] | None) -> None:
    """What the provider has announced with its parent must be loaded, whatever list it came from."""
    for kind, scope, number, ids in warehouse.missing_children(integration_id, parents, MAX_MISSING_IDS):
        line = lines.line(kind, scope)
        line.missing_children = Missing(line.missing_children.number + number, [*line.missing_children.ids, *ids])


# --- texts: embedded --------------------------------------------------------------------------------------------------

_ROWS_OF_RECORDS = sql.SQL("""
SELECT {kind}, array_agg(own.id) FROM ({current}) AS r
JOIN {table} AS own ON own.integration_id = r.integration_id AND own.external_id = r.external_id
WHERE r.integration_id = %(integration)s AND r.entity = {kind} AND {touched}
""")


def _touched_rows(run: Run, counts: Counts) -> dict[str, list[int]]:
    """The rows whose texts this run had to embed."""
    own = [
        _ROWS_OF_RECORDS.format(
            current=sql.SQL(CURRENT_RECORDS),
            kind=sql.Literal(kind),
            table=sql.Identifier(MODELS[kind]._meta.db_table),
            touched=sql.SQL(_TOUCHED),
        )
        for kind in set(EMBEDDED_KINDS) & counts["extracted"].keys()
    ]
    found: dict[str, set[int]] = {}
    query = sql.SQL("UNION ALL").join([sql.SQL(LOADED_ROW_IDS), *own])
    for kind, ids in rows(query, run=run.pk, integration=run.integration_id):
        found.setdefault(kind, set()).update(ids or [])
    return {kind: sorted(ids) for kind, ids in found.items()}


def _add_texts(lines: _Lines, run: Run, row_ids: dict[str, list[int]] | None) -> None:
    for prover in _text_provers:
        for texts in prover(run.tenant_id, run.integration_id, row_ids):
            line = lines.line(texts.kind, texts.scope)
            line.texts, line.embedded = texts.number, texts.embedded
            line.set_aside += texts.set_aside
            line.dismissed += texts.dismissed
            line.missing_embedded = Missing(texts.missing, sorted(texts.ids or []))


# --- nothing found where something was expected -----------------------------------------------------------------------


def _mark_nothing_found(lines: _Lines, run: Run, counts: Counts, must_judge_all: bool) -> None:
    if run.integration is None or run.mode in (RunMode.RANGE, RunMode.RETRANSFORM):
        return
    listed = lines.listed_kinds()
    for kind in warehouse.SCOPES.keys() - listed - run.announced.keys():
        if stored := counts["extracted"].get(kind):
            line = lines.line(kind)
            line.nothing_found, line.extracted = True, stored
    names = warehouse.present_names(run.integration, run.scopes or run.integration.scopes)
    chosen = {name.lower() for name in names.values()}
    if must_judge_all:
        for kind in _kinds_listed_by_id(run, listed):
            for line in lines.sorted():
                is_chosen = not chosen or line.scope.lower() in chosen
                if line.kind == kind and line.scope and is_chosen and line.extracted and not line.listed:
                    line.nothing_found, line.listed, line.exact = True, 0, True
    if chosen and not listed and not run.announced and not counts["extracted"]:
        lines.line("").nothing_found = True


def _kinds_listed_by_id(run: Run, listed: set[str]) -> set[str]:
    """The kinds that this run has listed, and the kinds of its steps that an earlier run has listed."""
    units = {step.unit for step in definition(run.job.job_type).steps} - listed - {""}
    earlier = Run.across_tenants.filter(job=run.job_id)
    return listed | {unit for unit in units if earlier.filter(proof__contains=[{"kind": unit, "exact": True}]).exists()}
