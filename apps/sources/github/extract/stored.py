"""What is stored of the repositories, and under which names?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from apps.sources.base import Context, SourceRecord
from apps.sources.github.extract.index import read_part
from apps.sources.text import parse_time


class _StoredRepositoryPayload(msgspec.Struct):
    node_id: str = ""
    updated_at: Any = None
    pushed_at: Any = None
    archived: bool = False
    has_issues: bool = True


@dataclass(frozen=True)
class StoredRepository:
    """A repository as its stored record has it: ``name`` is owner/name, ``node_id`` is "" if the record has none."""

    id: str
    name: str
    node_id: str
    updated_at: datetime | None
    pushed_at: datetime | None
    is_archived: bool = False
    has_issues: bool = True

    @property
    def owner(self) -> str:
        """The owner in lower case."""
        return self.name.partition("/")[0].lower()


def stored_repositories(context: Context) -> list[StoredRepository]:
    """All of them, as they are stored at this moment."""
    return [_repository(record) for record in context.current("repository") if record.scope]


def _repository(record: SourceRecord) -> StoredRepository:
    payload = read_part(record.payload, _StoredRepositoryPayload) or _StoredRepositoryPayload()
    return StoredRepository(
        record.external_id,
        record.scope,
        payload.node_id,
        parse_time(payload.updated_at),
        parse_time(payload.pushed_at),
        payload.archived,
        payload.has_issues,
    )


def repositories_at_start(context: Context) -> dict[str, StoredRepository]:
    """The stored repositories by id, as this process first saw them in this run."""
    return context.memo("github-stored", lambda: {found.id: found for found in stored_repositories(context)})


def match_scopes(
    repositories: Iterable[StoredRepository], scopes: Sequence[str]
) -> tuple[list[StoredRepository], list[str]]:
    """The repositories that ``scopes`` name (without scopes, all), and the scopes that name no repository.

    A repository without a node id cannot be asked for together with others, so it counts as not stored.
    """
    by_name = {found.name.lower(): found for found in repositories}
    wanted = dict[str, str]()
    for scope in scopes or [found.name for found in by_name.values()]:
        wanted.setdefault(scope.strip().lower(), scope.strip())
    usable = [by_name[name] for name in wanted if name in by_name and by_name[name].node_id]
    others = [scope for name, scope in wanted.items() if name not in by_name or not by_name[name].node_id]
    return usable, others
