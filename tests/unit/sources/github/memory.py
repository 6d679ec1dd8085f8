"""What replaces the pipeline in these tests? It keeps records in memory and fetches every slice."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from apps.sources.base import Connection, Deletion, Fetched, Skip, Slice, SourceRecord, Transformed
from apps.sources.github import GitHub
from apps.sources.http import Http, HttpOptions
from apps.sources.refusals import fetch_or_skip
from apps.sources.rows import PullRequest, Row

T = TypeVar("T")
TOKEN = "sandbox-token"


class MemoryContext:
    """A :class:`apps.sources.base.Context` without a database."""

    def __init__(
        self,
        base_url: str,
        scopes: tuple[str, ...] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        sweep: bool = False,
        records: "dict[tuple[str, str], SourceRecord] | None" = None,
        **options: Any,
    ) -> None:
        self.connection = Connection(base_url, token=TOKEN, scopes=scopes)
        self.http: Http = GitHub().http(self.connection, HttpOptions(**options))
        self.is_full = since is None
        self.with_sweep = sweep or self.is_full
        self.records: dict[tuple[str, str], SourceRecord] = dict(records or {})
        self.unknown: list[str] = []
        self.listed: set[tuple[str, str]] = set()
        self.names: dict[str, str] = {r.scope.lower(): r.external_id for r in self.current("repository")}
        self._since, self._until = since, until
        self._memo: dict[str, Any] = {}
        self._lock = threading.RLock()

    def since(self, scope: str) -> datetime | None:
        return self._since

    def unlisted(self, entity: str, scope: str) -> list[str]:
        ids = [record.external_id for record in self.current(entity) if scope in ("", record.scope)]
        return [external_id for external_id in ids if (entity, external_id) not in self.listed]

    def unstored(self, entity: str, ids: Sequence[str]) -> list[str]:
        return [external_id for external_id in ids if (entity, external_id) not in self.records]

    def scope_ids(self, names: Sequence[str]) -> dict[str, str]:
        return {name: self.names[name.lower()] for name in names if name.lower() in self.names}

    def unknown_repositories(self) -> list[str]:
        return self.unknown

    def take(self, fetched: Fetched) -> None:
        """Store a fetched slice as the pipeline does, in one transaction."""
        for record in self.records.values():
            record.scope = fetched.renamed.get(record.scope, record.scope)
        self.records.update({(r.entity, r.external_id): r for r in fetched.records})
        self.names |= {r.scope.lower(): r.external_id for r in fetched.records if r.entity == "repository"}
        self.listed |= {(r.entity, r.external_id) for r in fetched.records}
        self.listed |= {(one.entity, name) for one in fetched.listed for name in one.ids}
        for deletion in fetched.deletions:
            self.records.pop((deletion.entity, deletion.external_id), None)

    def until(self) -> datetime | None:
        return self._until

    def current(self, entity: str) -> Iterator[SourceRecord]:
        return iter([record for (kind, _), record in self.records.copy().items() if kind == entity])

    changed = current

    def find(self, entity: str, external_id: str) -> SourceRecord | None:
        return self.records.get((entity, external_id))

    def find_all(self, entity: str, external_ids: Sequence[str]) -> Iterator[SourceRecord]:
        return (self.records[entity, name] for name in external_ids if (entity, name) in self.records)

    def memo(self, key: str, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._memo:
                self._memo[key] = make()
            value: T = self._memo[key]
            return value

    def __enter__(self) -> "MemoryContext":
        return self

    def __exit__(self, *exc: object) -> None:
        self.http.close()


class Extracted:
    """What a run has extracted."""

    def __init__(self) -> None:
        self.expected: Counter[str] = Counter()
        self.skips: list[Skip] = []
        self.slices: list[Slice] = []
        self.deletions: list[Deletion] = []

    def add(self, slice_: Slice, fetched: Fetched) -> None:
        self.slices.append(slice_)
        self.expected.update(fetched.expected)
        self.skips += fetched.skips
        self.deletions += fetched.deletions


def extract(
    context: MemoryContext,
    steps: tuple[str, ...] = (),
    threads: int = 4,
    again: Mapping[str, Sequence[Slice]] = MappingProxyType({}),
) -> Extracted:
    """All slices of all steps: one step after the other, the slices of a step side by side.

    ``again`` are the slices of each step that ask for what an earlier run did not get.
    """
    source, extracted = GitHub(), Extracted()
    for step in steps or tuple(step.key for step in source.definition.steps):
        with ThreadPoolExecutor(threads) as pool:
            running: dict[Future[Fetched], Slice] = {}

            def submit(slices: list[Slice], step: str = step, running: Any = running, pool: Any = pool) -> None:
                for slice_ in slices:
                    running[pool.submit(fetch_or_skip, source, step, slice_, context)] = slice_

            submit([*source.start(step, context), *again.get(step, [])])
            while running:
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    slice_, fetched = running.pop(done), done.result()
                    extracted.add(slice_, fetched)
                    context.take(fetched)
                    submit(fetched.follow_ups)
    return extracted


def transform(context: MemoryContext) -> list[Transformed]:
    """Every record transformed."""
    source = GitHub()
    return [source.transform(record, context) for record in context.records.values()]


def without_comment_counts(found: dict[str, dict[str, Row]]) -> dict[str, dict[str, Row]]:
    """The tables without how many comments a pull request says it has: over REST it says none."""
    for row in found["pull_request"].values():
        assert isinstance(row, PullRequest)
        row.comment_count = None
    return found


def tables(transformed: list[Transformed]) -> dict[str, dict[str, Row]]:
    """The loaded tables: rows by external id, and gap rows if there is no other row."""
    found: dict[str, dict[str, Row]] = {}
    for one in transformed:
        for row in one.rows:
            found.setdefault(row.table, {})[row.external_id] = row
    for one in transformed:
        for row in one.gap_rows:
            found.setdefault(row.table, {}).setdefault(row.external_id, row)
    return found
