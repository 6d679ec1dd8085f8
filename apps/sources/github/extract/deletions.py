"""What is gone, and how do we know? Only a positive answer counts: a 404 for the thing itself, or its null node.

A list that lacks something is a reason to ask, never a proof. What GitHub hides from the token looks like what is
deleted, so a repository only counts as gone while another one of its owner can still be seen.
"""

from datetime import UTC, datetime

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Skip, Slice
from apps.sources.errors import ForbiddenError, NotFoundError
from apps.sources.github.client import Client, repository_path
from apps.sources.github.entities import ENTITIES, PULL_REQUEST_CHILDREN, comment_id
from apps.sources.github.extract.index import glance
from apps.sources.github.extract.stored import StoredRepository, stored_repositories

ASKED = 50  # things of one kind and repository that a run asks for one by one
NEIGHBOURS = 3  # other repositories of an owner that are tried
MISSING = frozenset({404, 410})


class _Number(msgspec.Struct):
    number: int | None = None


class _Numbered(_Number):
    """A pull request over GraphQL or REST."""

    pull_request: _Number = msgspec.field(default_factory=_Number)


def answered(what: str) -> str:
    """The evidence: what was answered, and when."""
    return f"{what} on {datetime.now(UTC):%Y-%m-%d at %H:%M:%S} UTC."


def missing(client: Client, piece: Slice, context: Context) -> Fetched:
    """Ask for each stored record of one kind that a complete list did not have."""
    entity, fetched = piece.args["entity"], Fetched()
    asked = [(external_id, number_of(entity, external_id, context))
             for external_id in context.unlisted(entity, piece.scope)]  # fmt: skip
    asked = [(external_id, number) for external_id, number in asked if number]
    for external_id, number in asked[:ASKED]:
        path = f"{repository_path(piece.scope)}/{ENTITIES[entity].proof.format(id=number)}"
        if status := missing_status(client, path):
            evidence = answered(f"GET {path} was answered with {status}")
            is_whole = entity == "pull_request"
            fetched.deletions += whole(external_id, evidence, piece.scope, context) if is_whole else [
                Deletion(entity, external_id, evidence)
            ]  # fmt: skip
    if len(asked) > ASKED:
        kind = entity.replace("_", " ").removesuffix("s")
        more = f"{len(asked) - ASKED:,} more of the {kind}s of {piece.scope} may be gone: the next sweep asks for them."
        fetched.skips.append(Skip("", more))
    return fetched


def number_of(entity: str, external_id: str, context: Context) -> str:
    """How a path names a record: by its id, a pull request by its number; "" for what has no path."""
    if entity in PULL_REQUEST_CHILDREN:
        return comment_id(external_id)
    if entity != "pull_request":
        return external_id
    record = context.find(entity, external_id)
    told = glance(record.payload, _Numbered) if record else None
    number = told and (told.number or told.pull_request.number)
    return str(number) if number else ""


def missing_status(client: Client, path: str) -> int:
    """404 or 410 when GitHub does not have it, 0 when it does; a legal block (451) says neither and is raised."""
    try:
        client.http.get(path)
    except NotFoundError as error:
        if error.status not in MISSING:
            raise
        return error.status
    return 0


def vanished(client: Client, piece: Slice, context: Context) -> Fetched:
    """Pull requests of a repository were answered with null: they are gone, or it is the repository that is."""
    stored = stored_repositories(context)
    home = next((found for found in stored if found.name == piece.scope), None)
    if home is None:
        return Fetched()
    path = ENTITIES["repository"].proof.format(id=home.id)
    status = missing_status(client, path)
    if status == 0:
        told = piece.args["pull_requests"]
        return Fetched(
            deletions=[one for name, evidence in told for one in whole(name, evidence, piece.scope, context)]
        )
    if not is_seen_otherwise(client, home, stored):
        owner = home.name.partition("/")[0]
        return Fetched(skips=[Skip(home.name, f"No repository of {owner} can be seen any more. Has the token lost its "
                                   "access? Nothing is taken for deleted.")])  # fmt: skip
    evidence = answered(f"GET {path} ({home.name}) was answered with {status}")
    fetched = Fetched(deletions=[Deletion("repository", home.id, evidence)])
    for entity in ENTITIES["repository"].children:
        fetched.deletions += [Deletion(entity, name, evidence) for name in context.unlisted(entity, home.name)]
    return fetched


def whole(external_id: str, evidence: str, scope: str, context: Context) -> list[Deletion]:
    """A pull request with the records of its further pages."""
    pages = [
        Deletion(entity, page, evidence)
        for entity in PULL_REQUEST_CHILDREN
        for page in context.unlisted(entity, scope)
        if page.startswith(f"{external_id}:")
    ]
    return [Deletion("pull_request", external_id, evidence), *pages]


def is_seen_otherwise(client: Client, home: StoredRepository, stored: list[StoredRepository]) -> bool:
    """Whether another repository of the same owner answers; where none is stored, there is nothing to compare with."""
    owner = home.name.partition("/")[0].lower()
    others = [found for found in stored if found.id != home.id and found.name.partition("/")[0].lower() == owner]
    for other in others[:NEIGHBOURS]:
        try:
            client.http.get(ENTITIES["repository"].proof.format(id=other.id))
        except (NotFoundError, ForbiddenError):
            continue
        return True
    return not others
