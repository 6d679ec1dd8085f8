"""What is gone, and how do we know? Only a 404 or 410 for the object, or its null node, is a proof.

If a list lacks an object, we ask for it; the list proves nothing. GitHub answers 404 for a hidden repository, too. So a
repository counts as gone only while the token still sees another repository of its owner.
"""

from datetime import UTC, datetime

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Skip, Slice
from apps.sources.errors import ForbiddenError, NotFoundError
from apps.sources.github.client import Client, repository_path
from apps.sources.github.entities import ENTITIES, PULL_REQUEST_CHILDREN, comment_id
from apps.sources.github.extract.args import EntityArgs, VanishedArgs
from apps.sources.github.extract.index import read_part
from apps.sources.github.extract.stored import StoredRepository, stored_repositories
from apps.sources.reading import Id

MAX_MISSING_ASKED = 50  # records of one kind and repository that a run asks for one by one
MAX_NEIGHBOURS = 3  # other repositories of an owner that are tried
GONE_STATUSES = frozenset({404, 410})


class _NumberPayload(msgspec.Struct):
    number: int | None = None


class _NumberedPayload(_NumberPayload):
    """A pull request over GraphQL or REST."""

    pull_request: _NumberPayload = msgspec.field(default_factory=_NumberPayload)


class _FoundPayload(msgspec.Struct):
    """An object that exists. A web page or an empty answer says nothing of it."""

    id: Id


def evidence_of(answer: str) -> str:
    """The evidence for people: the answer and its time."""
    return f"{answer} on {datetime.now(UTC):%Y-%m-%d at %H:%M:%S} UTC."


def missing(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Ask for each stored record of one kind that a complete list lacked."""
    args, scope = slice_.read(EntityArgs), slice_.scope
    if args.ids is not None and len(args.ids) == 1:
        return proven(client, args.entity, args.ids[0], scope, context)
    ids = context.unlisted(args.entity, scope) if args.ids is None else args.ids
    ids = [external_id for external_id in ids if number_of(args.entity, external_id, context)]
    alone = [EntityArgs(args.entity, ids=[external_id]) for external_id in ids[:MAX_MISSING_ASKED]]
    fetched = Fetched(follow_ups=[Slice.of(slice_.kind, each, scope) for each in alone])
    if len(ids) > MAX_MISSING_ASKED:
        kind, more = args.entity.replace("_", " ").removesuffix("s"), len(ids) - MAX_MISSING_ASKED
        rest = Slice.of(slice_.kind, EntityArgs(args.entity, ids=ids[MAX_MISSING_ASKED:]), scope)
        sentence = f"{more:,} more of the {kind}s of {scope} may be gone: the next run asks for them."
        fetched.skips.append(Skip(scope, sentence, again=rest))
    return fetched


def proven(client: Client, entity: str, external_id: str, scope: str, context: Context) -> Fetched:
    """Ask for a stored record: its deletion if it is gone."""
    path = f"{repository_path(scope)}/{ENTITIES[entity].proof.format(id=number_of(entity, external_id, context))}"
    status = gone_status(client, path)
    if not status:
        return Fetched()
    evidence = evidence_of(f"GET {path} was answered with {status}")
    return Fetched(deletions=deletions_of(entity, external_id, evidence, scope, context))


def number_of(entity: str, external_id: str, context: Context) -> str:
    """How a path names a record: by its id, a pull request by its number; "" if there is no path."""
    if entity in PULL_REQUEST_CHILDREN:
        return comment_id(external_id)
    if entity != "pull_request":
        return external_id
    record = context.find(entity, external_id)
    payload = read_part(record.payload, _NumberedPayload) if record else None
    number = payload and (payload.number or payload.pull_request.number)
    return str(number) if number else ""


def gone_status(client: Client, path: str) -> int:
    """404 or 410 if GitHub does not have it, else 0. A legal block (451) proves neither and is raised."""
    try:
        client.http.get(path).decode(_FoundPayload)
    except NotFoundError as error:
        if error.status not in GONE_STATUSES:
            raise
        return error.status
    return 0


def vanished(client: Client, slice_: Slice, context: Context) -> Fetched:
    """GitHub answered pull requests of a repository with null. Either they are gone, or their repository is gone."""
    stored = stored_repositories(context)
    repository = next((found for found in stored if found.name == slice_.scope), None)
    if repository is None:
        return Fetched()
    path = ENTITIES["repository"].proof.format(id=repository.id)
    status, args = gone_status(client, path), slice_.read(VanishedArgs)
    if status == 0:
        fetched = Fetched()
        if args.again:
            sentence = f"GitHub has {slice_.scope}, but GraphQL gives nothing of it."
            fetched.skips.append(Skip(slice_.scope, sentence, again=args.again))
        for external_id, evidence in args.pull_requests:
            fetched.deletions += deletions_of("pull_request", external_id, evidence, slice_.scope, context)
        return fetched
    if not has_visible_neighbour(client, repository, stored):
        owner = repository.name.partition("/")[0]
        return Fetched(skips=[Skip(repository.name, f"No repository of {owner} can be seen any more. Has the token "
                                   "lost its access? Nothing is marked as deleted.")])  # fmt: skip
    evidence = evidence_of(f"GET {path} ({repository.name}) was answered with {status}")
    fetched = Fetched(deletions=[Deletion("repository", repository.id, evidence)])
    for entity in ENTITIES["repository"].children:
        fetched.deletions += [Deletion(entity, name, evidence) for name in context.unlisted(entity, repository.name)]
    return fetched


def deletions_of(entity: str, external_id: str, evidence: str, scope: str, context: Context) -> list[Deletion]:
    """The deletion of a record; for a pull request also the records of its further pages."""
    pages = [
        Deletion(child, page, evidence)
        for child in (PULL_REQUEST_CHILDREN if entity == "pull_request" else ())
        for page in context.unlisted(child, scope)
        if page.startswith(f"{external_id}:")
    ]
    return [Deletion(entity, external_id, evidence), *pages]


def has_visible_neighbour(client: Client, repository: StoredRepository, stored: list[StoredRepository]) -> bool:
    """Whether the token still sees another stored repository of the same owner; true if none is stored."""
    owner = repository.name.partition("/")[0].lower()
    others = [found for found in stored if found.id != repository.id]
    neighbours = [found for found in others if found.name.partition("/")[0].lower() == owner]
    for neighbour in neighbours[:MAX_NEIGHBOURS]:
        try:
            client.http.get(ENTITIES["repository"].proof.format(id=neighbour.id)).decode(_FoundPayload)
        except (NotFoundError, ForbiddenError):
            continue
        return True
    return not neighbours
