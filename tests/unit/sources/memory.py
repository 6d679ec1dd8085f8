"""What replaces the pipeline in these tests? A context in memory and a driver of the steps."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from apps.sources.base import Connection, Deletion, Fetched, Skip, Slice, Source, SourceRecord
from apps.sources.http import Http
from apps.sources.refusals import fetch_or_skip
from apps.sources.rows import Row

T = TypeVar("T")


@dataclass
class MemoryContext:
    """Implements :class:`apps.sources.base.Context`."""

    connection: Connection
    http: Http
    is_full: bool = True
    with_sweep: bool = False
    sinces: dict[str, datetime] = field(default_factory=dict)
    end: datetime | None = None
    stored: dict[tuple[str, str], SourceRecord] = field(default_factory=dict)
    fresh: set[tuple[str, str]] = field(default_factory=set)
    seen: set[tuple[str, str]] = field(default_factory=set)
    memos: dict[str, object] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def since(self, scope: str) -> datetime | None:
        return self.sinces.get(scope)

    def until(self) -> datetime | None:
        return self.end

    def current(self, entity: str) -> Iterator[SourceRecord]:
        return (record for (kind, _), record in list(self.stored.items()) if kind == entity)

    def find(self, entity: str, external_id: str) -> SourceRecord | None:
        return self.stored.get((entity, external_id))

    def find_all(self, entity: str, external_ids: Sequence[str]) -> Iterator[SourceRecord]:
        return (self.stored[entity, name] for name in external_ids if (entity, name) in self.stored)

    def changed(self, entity: str) -> Iterator[SourceRecord]:
        return (self.stored[key] for key in list(self.stored) if key in self.fresh and key[0] == entity)

    def unlisted(self, entity: str, scope: str) -> list[str]:
        records = [record for record in self.current(entity) if scope in ("", record.scope)]
        known = self.seen | self.fresh
        return [record.external_id for record in records if (entity, record.external_id) not in known]

    def unstored(self, entity: str, ids: Sequence[str]) -> list[str]:
        return [external_id for external_id in ids if (entity, external_id) not in self.stored]

    def scope_ids(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.names[name.upper()] for name in names if name.upper() in self.names}

    def unknown_repositories(self) -> list[str]:
        return []

    def memo(self, key: str, make: Callable[[], T]) -> T:
        with self.lock:
            if key not in self.memos:
                self.memos[key] = make()
            return self.memos[key]  # type: ignore[return-value]

    def store(self, records: list[SourceRecord]) -> None:
        for record in records:
            key = (record.entity, record.external_id)
            known = self.stored.get(key)
            if known is None or known.payload != record.payload:
                self.fresh.add(key)
            self.stored[key] = record
            if record.entity == "project":
                self.names[record.scope.upper()] = record.external_id

    def rename(self, renamed: dict[str, str]) -> None:
        for record in self.stored.values():
            record.scope = renamed.get(record.scope, record.scope)
        for before, after in renamed.items():
            if before in self.sinces:
                self.sinces[after] = self.sinces.pop(before)

    def next_run(self, sinces: dict[str, datetime], *, with_sweep: bool = False) -> "MemoryContext":
        return MemoryContext(
            self.connection,
            self.http,
            is_full=False,
            with_sweep=with_sweep,
            sinces=sinces,
            stored=self.stored,
            names=self.names,
        )


@dataclass
class Pulled:
    """What a run gave."""

    expected: Counter[str] = field(default_factory=Counter)
    given: Counter[str] = field(default_factory=Counter)
    skips: list[Skip] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    slices: int = 0


def assert_skipped(pulled: Pulled, words: str) -> None:
    """Something is missing, and a skip says so in these words."""
    assert any(skip.is_missing and words in skip.reason for skip in pulled.skips), pulled.skips


def pull(source: Source, context: MemoryContext, steps: list[str] | None = None, threads: int = 8) -> Pulled:
    """Run the extraction of ``steps`` (all by default): slices side by side, steps one after the other."""
    return run_slices(
        source, context, {step.key: None for step in source.definition.steps if not steps or step.key in steps}, threads
    )


def ask_again(source: Source, context: MemoryContext, pulled: Pulled, step: str) -> Pulled:
    """Run the slices that the skips of a run ask for again."""
    return run_slices(source, context, {step: [skip.again for skip in pulled.skips if skip.again]})


def run_slices(
    source: Source, context: MemoryContext, slices: dict[str, list[Slice] | None], threads: int = 8
) -> Pulled:
    """Run slices and what follows them, step by step; ``None`` stands for the first slices of the step."""
    pulled = Pulled()
    for step, first in slices.items():
        with ThreadPoolExecutor(threads) as pool:
            running = {
                pool.submit(fetch_or_skip, source, step, slice_, context)
                for slice_ in first or source.start(step, context)
            }
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    running |= {
                        pool.submit(fetch_or_skip, source, step, slice_, context)
                        for slice_ in note(pulled, future, context)
                    }
    return pulled


def note(pulled: Pulled, future: Future[Fetched], context: MemoryContext) -> list[Slice]:
    fetched = future.result()
    context.store(fetched.records)
    context.rename(fetched.renamed)
    context.seen.update((part.entity, external_id) for part in fetched.listed for external_id in part.ids)
    for one in fetched.deletions:
        if context.stored.pop((one.entity, one.external_id), None):
            pulled.deletions.append(one)
    pulled.slices += 1
    pulled.expected.update(fetched.expected)
    pulled.given.update(record.entity for record in fetched.records)
    pulled.skips += fetched.skips
    return fetched.follow_ups


def load(source: Source, context: MemoryContext) -> dict[str, dict[str, Row]]:
    """Transform every stored record and upsert its rows: table → external id → row."""
    tables: dict[str, dict[str, Row]] = {}
    for record in list(context.stored.values()):
        transformed = source.transform(record, context)
        for row in transformed.rows:
            tables.setdefault(row.table, {})[row.external_id] = row
        for row in transformed.gap_rows:
            tables.setdefault(row.table, {}).setdefault(row.external_id, row)
        for children in transformed.complete:
            table = tables.get(children.row_type.table, {})
            kept = {row.external_id for row in transformed.rows if isinstance(row, children.row_type)}
            for name, row in list(table.items()):
                if getattr(row, children.field) == children.parent and name not in kept:
                    del table[name]
    return tables
