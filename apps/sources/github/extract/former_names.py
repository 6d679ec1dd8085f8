"""Which repository had a name before? Issues go on to name pull requests by it, and GitHub redirects.

Names that we have seen ourselves are known without a question. The others are asked for, a few per run: those that lead
to a repository once, the others again in every sweep.
"""

import msgspec

from apps.sources.base import Context, Fetched, Slice, SourceRecord
from apps.sources.errors import ConflictError, EndpointRemovedError, ForbiddenError, NotFoundError
from apps.sources.github.client import Client, repository_path
from apps.sources.github.extract.args import FormerNameArgs
from apps.sources.github.extract.index import read_part
from apps.sources.github.extract.stored import host_of, stored_repositories

ENTITY = "former_name"
MAX_ASKED_NAMES = 20  # per run
NOT_KNOWN = b"null"  # stored for a name to which GitHub knows no repository


class _TargetPayload(msgspec.Struct):
    full_name: str


def start(context: Context) -> list[Slice]:
    """A slice per unknown name of a repository of our hosts. A sweep asks again for names that were not known."""
    stored = stored_repositories(context)
    hosts, known = {found.host for found in stored}, {found.name.lower() for found in stored}
    names = [
        name for address in context.unknown_repositories() if host_of(address) in hosts for name in [_name(address)]
    ]
    names = [name for name in names if name not in known]
    new = context.unstored(ENTITY, names)
    known_by_nobody = [name for name in names if name not in set(new)] if context.with_sweep else []
    return [Slice.of(ENTITY, FormerNameArgs(name)) for name in [*new, *known_by_nobody][:MAX_ASKED_NAMES]]


def former_name(client: Client, slice_: Slice, context: Context) -> Fetched:
    """The repository that a name leads to, or the note that there is none."""
    name = slice_.read(FormerNameArgs).name
    path = repository_path(name)
    try:
        payload = client.http.get(path).body
    except (NotFoundError, ForbiddenError, EndpointRemovedError, ConflictError):
        payload = NOT_KNOWN
    return Fetched([record_of(name, payload, f"GET {path}")])


def record_of(name: str, payload: bytes, request: str) -> SourceRecord:
    """The record of a name: the repository that it leads to."""
    found = read_part(payload, _TargetPayload)
    return SourceRecord(ENTITY, name.lower(), payload, found.full_name if found else "", request)


def _name(address: str) -> str:
    return "/".join(address.rsplit("/", 2)[-2:])
