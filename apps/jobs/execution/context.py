"""What does a source know while it works for a run? The stored records, the watermarks and the connection."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar, cast

from apps.integrations.connect import open_source
from apps.integrations.models import Integration
from apps.jobs import run_log
from apps.jobs.choices import RunMode
from apps.jobs.models import Run, Watermark
from apps.jobs.selectors import unfinished_before
from apps.raw import listed_ids
from apps.raw import selectors as raw
from apps.sources.base import SourceRecord
from apps.warehouse.selectors import named_scopes, unknown_repositories

T = TypeVar("T")

# A provider's search may lag behind: what changed shortly before the last sync is asked for again.
OVERLAP = timedelta(minutes=5)
MAX_CONTEXTS = 4


class RunContext:
    """Implements :class:`apps.sources.base.Context` for one run in one process."""

    def __init__(self, run: Run) -> None:
        integration = cast(Integration, run.integration)
        self.source, self.connection, self.http = open_source(integration, run_log.journal_of(run).note)
        if run.scopes:
            self.connection = dataclasses.replace(self.connection, scopes=tuple(run.scopes))
        self.is_full = run.mode == RunMode.FULL
        self.with_sweep = self.is_full or run.sweep
        self._run = run
        self._integration_id = integration.pk
        self._memo: dict[str, Any] = {}

    def since(self, scope: str) -> datetime | None:
        """From when on changes of ``scope`` are wanted; ``None`` for all of it."""
        if self._run.mode == RunMode.RANGE:
            return self._run.since
        # Read every time: a project or repository may get another name during the run, and its watermark with it.
        found = Watermark.objects.for_tenant(self._run.tenant_id).filter(integration=self._integration_id, scope=scope)
        synced_at = None if self.is_full else found.values_list("synced_at", flat=True).first()
        return synced_at - OVERLAP if synced_at else None

    def until(self) -> datetime | None:
        """The end of a chosen range."""
        return self._run.until

    def current(self, entity: str) -> Iterator[SourceRecord]:
        """The current version of every record of ``entity``."""
        return raw.current(self._integration_id, entity)

    def find(self, entity: str, external_id: str) -> SourceRecord | None:
        """The current version of one record."""
        return raw.find(self._integration_id, entity, external_id)

    def find_all(self, entity: str, external_ids: Sequence[str]) -> Iterator[SourceRecord]:
        """The current versions of some records."""
        return raw.find_all(self._integration_id, entity, external_ids)

    def changed(self, entity: str) -> Iterator[SourceRecord]:
        """The records that this run stored, or unfinished runs before it; in a full run all records."""
        if self.is_full:
            return raw.current(self._integration_id, entity)
        return raw.changed(self._integration_id, entity, [self._run.pk, *unfinished_before(self._run)])

    def unlisted(self, entity: str, scope: str) -> list[str]:
        """The ids of stored records that this run neither listed nor stored."""
        return listed_ids.unlisted(self._integration_id, entity, scope, self._run.pk)

    def unstored(self, entity: str, ids: Sequence[str]) -> list[str]:
        """The ``ids`` that have no current record in the store."""
        return listed_ids.unstored(self._integration_id, entity, ids)

    def scope_ids(self, names: Sequence[str]) -> dict[str, str]:
        """The ids of the projects or repositories that have or had these names; present owners come first."""
        return {name: named.external_id for name, named in named_scopes(self._integration_id, names).items()}

    def unknown_repositories(self) -> list[str]:
        """The addresses of repositories that issues name, and that no loaded repository has or had."""
        return unknown_repositories(self._run.tenant_id)

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """``make()``, remembered for the rest of this run in this process."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast(T, self._memo[key])


def integration_of(run: Run) -> int:
    """The id of the integration that a run reads from."""
    assert run.integration_id is not None, "only a run with an integration has stored records"
    return run.integration_id


_contexts: OrderedDict[tuple[object, int], RunContext] = OrderedDict()
_lock = Lock()


def context_of(run: Run) -> RunContext:
    """This process's context of a run: its batches share the connection and the memos."""
    key = (run.pk, run.attempt)
    # The threads of a step all ask when it begins. One makes the context, and all share its connections.
    with _lock:
        if key not in _contexts:
            _contexts[key] = RunContext(run)
            while len(_contexts) > MAX_CONTEXTS:
                _, old = _contexts.popitem(last=False)
                old.http.close()
        return _contexts[key]


def received_bytes(run: Run) -> int:
    """The size of all answers that this process has got for a run so far; 0 if it does not know the run any more."""
    context = _contexts.get((run.pk, run.attempt))
    return context.http.bytes if context else 0
