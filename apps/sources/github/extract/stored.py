"""What is stored of the repositories, and under which names?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from apps.sources.base import Context, SourceRecord
from apps.sources.github.extract.index import read_part
from apps.sources.text import parse_time


class _StoredRepositoryPayload(msgspec.Struct):
    node_id: str = ""
    html_url: Any = ""
    updated_at: Any = None
    pushed_at: Any = None
    archived: bool = False
    has_issues: bool = True


@dataclass(frozen=True)
class StoredRepository:
    """A repository as its stored record has it: ``name`` is owner/name, ``node_id`` and ``host`` may be ""."""

    id: str
    name: str
    node_id: str
    host: str
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


def stored_of(owner: str, not_of: Iterable[str], context: Context) -> list[StoredRepository]:
    """Those of an owner, or without one those of all owners but some; only those that can be asked for by node id."""
    owner, others = owner.lower(), {name.lower() for name in not_of}
    found = [one for one in stored_repositories(context) if one.node_id]
    return [one for one in found if (one.owner == owner if owner else one.owner not in others)]


def _repository(record: SourceRecord) -> StoredRepository:
    payload = read_part(record.payload, _StoredRepositoryPayload) or _StoredRepositoryPayload()
    return StoredRepository(
        record.external_id,
        record.scope,
        payload.node_id,
        host_of(str(payload.html_url)),
        parse_time(payload.updated_at),
        parse_time(payload.pushed_at),
        payload.archived,
        payload.has_issues,
    )


def host_of(address: str) -> str:
    """The host of a web address, in small letters."""
    return address.partition("://")[2].partition("/")[0].lower()


def repositories_at_start(context: Context) -> dict[str, StoredRepository]:
    """The stored repositories by id, as this process first saw them in this run."""
    return context.memo("github-stored", lambda: {found.id: found for found in stored_repositories(context)})


def named_at_start(name: str, context: Context) -> StoredRepository | None:
    """The repository of :func:`repositories_at_start` with this name."""
    found = context.memo(
        "github-stored-by-name", lambda: {found.name: found for found in repositories_at_start(context).values()}
    )
    return found.get(name)


def chosen_repositories(context: Context) -> tuple[list[StoredRepository], list[str]]:
    """The stored repositories that the run names (without a choice, all), and the names that are not stored.

    A repository may be named by any name that it has or had. One without a node id cannot be asked for together with
    others, so only its present name is given.
    """
    stored = {found.id: found for found in stored_repositories(context)}
    scopes = [scope.strip() for scope in context.connection.scopes]
    ids = {found.name.lower(): found.id for found in stored.values()}
    former = context.scope_ids(scopes)
    usable, others = dict[str, StoredRepository](), dict[str, str]()
    for name in scopes or [found.name for found in stored.values()]:
        found = stored.get(ids.get(name.lower()) or former.get(name, ""))
        if found and found.node_id:
            usable[found.id] = found
        else:
            present = found.name if found else name
            others.setdefault(present.lower(), present)
    return list(usable.values()), list(others.values())
