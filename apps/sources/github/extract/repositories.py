"""Which repositories are there? The first step's first slices; what happened in them is looked at afterwards.

Where the stored records say which repositories are meant, nothing is asked for here: their overviews tell which of
them have changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, RawRecord, Skip, Slice
from apps.sources.errors import ForbiddenError, NotFoundError
from apps.sources.github.client import Client, next_page, repository_path
from apps.sources.github.extract import index, overview
from apps.sources.github.extract.stored import at_beginning, named, stored_repositories
from apps.sources.github.extract.window import window
from apps.sources.http import Answer
from apps.sources.text import parse_time, read_json


class _Owner(msgspec.Struct):
    login: str = ""


class _Repository(msgspec.Struct):
    full_name: str
    id: Any = None
    node_id: str = ""
    updated_at: Any = None


def start(context: Context) -> list[Slice]:
    """One slice for some stored repositories each, one per repository that is new, or the one that discovers all."""
    scopes = context.connection.scopes
    if not scopes:
        return [Slice("discovery")]
    known, others = named([] if context.is_full else stored_repositories(context), scopes)
    return [
        *overview.slices([(found.node_id, found.name) for found in known], records=True),
        *(Slice("repository", {}, name) for name in others),
    ]


def discovery(client: Client, piece: Slice, context: Context) -> Fetched:
    """The viewer's own lists and those of the organisations, so that no repository is listed twice."""
    try:
        items = client.every_item("/user/orgs")
    except (ForbiddenError, NotFoundError):  # a token without organisations still has repositories
        items = []
    logins = [read_json(bytes(item), _Owner).login for item in items]
    own = Slice(
        "repositories",
        {
            "url": "/user/repos?per_page=100&affiliation=owner,collaborator,organization_member",
            "not_of": logins,
        },
    )
    return Fetched(
        follow_ups=[
            own,
            *(Slice("repositories", {"url": f"/orgs/{login}/repos?per_page=100"}) for login in logins),
        ]
    )


def repositories(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of a list of repositories."""
    try:
        answer = client.page(piece.args["url"])
    except (ForbiddenError, NotFoundError) as error:
        if "not_of" in piece.args:
            raise
        return Fetched(skips=[Skip("", f"The repositories of an organisation cannot be listed: {error}")])
    others = {login.lower() for login in piece.args.get("not_of", [])}
    payloads = [bytes(item) for item in answer.decode(list[msgspec.Raw])]
    fetched = records([payload for payload in payloads if owner_of(payload) not in others], answer, context)
    fetched.follow_ups += next_page(piece, answer)
    if answer.headers.get("x-github-sso", "").startswith("partial-results"):
        fetched.skips.append(
            Skip("", "Some organisations are left out: authorise the token for their single sign-on (SSO).")
        )
    return fetched


def repository(client: Client, piece: Slice, context: Context) -> Fetched:
    """One named repository; a renamed one answers under its new name. ``alone``: what happened in it is known."""
    answer = client.http.get(repository_path(piece.scope))
    fetched = records([answer.body], answer, context)
    if piece.args.get("alone"):
        fetched.follow_ups, fetched.expected = [], {}
    return fetched


def owner_of(payload: bytes) -> str | None:
    """The owner of a listed repository in small letters, ``None`` when it cannot be read."""
    head = index.glance(payload, _Repository)
    return head.full_name.partition("/")[0].lower() if head else None


def records(payloads: Iterable[bytes], answer: Answer, context: Context) -> Fetched:
    """Take repositories, and go on with what happened in them."""
    fetched, readable = Fetched(), list[_Repository]()
    for payload in payloads:
        head = index.glance(payload, _Repository)
        record = RawRecord("repository", index.external_id(head and head.id, payload), payload)
        record.request = f"GET {answer.url}"
        fetched.records.append(record)
        if head:
            record.scope, record.updated_at = head.full_name, parse_time(head.updated_at)
            readable.append(head)
            before = at_beginning(context).get(record.external_id)
            if before and before.name != head.full_name:
                fetched.renamed[before.name] = head.full_name
            if context.with_sweep:
                fetched.listed.append(Listed("repository", head.full_name, [record.external_id]))
    fetched.expected = {"repository": len(fetched.records)}
    fetched.follow_ups = what_happened(readable, context)
    return fetched


def what_happened(found: Sequence[_Repository], context: Context) -> list[Slice]:
    """Overviews of several repositories at once; one that is loaded as a whole alone needs none."""
    is_whole = len(found) == 1 and window(context, found[0].full_name).is_open
    together = [head for head in found if head.node_id and not is_whole]
    alone = [head.full_name for head in found if head not in together]
    return [
        *overview.slices([(head.node_id, head.full_name) for head in together]),
        *(piece for name in alone for piece in overview.everything(name, context)),
    ]
