"""Which repositories are there? The first slices of the first step. Later slices read what happened in them.

A stored repository that the run names is not asked for here: its overview shows whether it changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import ForbiddenError, NotFoundError
from apps.sources.github.client import Client, next_page, repository_path
from apps.sources.github.extract import index
from apps.sources.github.extract.args import RepositoryArgs, RepositoryListArgs
from apps.sources.github.extract.overview import every_list, overview_slices
from apps.sources.github.extract.stored import match_scopes, repositories_at_start, stored_repositories
from apps.sources.github.extract.window import time_window
from apps.sources.http import Answer
from apps.sources.reading import read_answer
from apps.sources.text import parse_time


class _OrganisationPayload(msgspec.Struct):
    login: str = ""


class _ListedRepositoryPayload(msgspec.Struct):
    full_name: str
    id: Any = None
    node_id: str = ""
    updated_at: Any = None


def start(context: Context) -> list[Slice]:
    """One slice for some stored repositories each, one per new repository, or one that discovers all."""
    scopes = context.connection.scopes
    if not scopes:
        return [Slice("discovery")]
    stored, others = match_scopes([] if context.is_full else stored_repositories(context), scopes)
    return [
        *overview_slices([(found.node_id, found.name) for found in stored], with_records=True),
        *(Slice("repository", {}, name) for name in others),
    ]


def discovery(client: Client, slice_: Slice, context: Context) -> Fetched:
    """The viewer's own lists and those of the organisations, so that no repository is listed twice."""
    try:
        items = client.every_item("/user/orgs")
    except (ForbiddenError, NotFoundError):  # a token without organisations still has repositories
        items = []
    logins = [read_answer(bytes(item), _OrganisationPayload).login for item in items]
    own = "/user/repos?per_page=100&affiliation=owner,collaborator,organization_member"
    return Fetched(
        follow_ups=[
            Slice.of("repositories", RepositoryListArgs(own, logins)),
            *(Slice.of("repositories", RepositoryListArgs(f"/orgs/{login}/repos?per_page=100")) for login in logins),
        ]
    )


def repositories(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of a list of repositories."""
    args = slice_.read(RepositoryListArgs)
    try:
        answer = client.page(args.url)
    except (ForbiddenError, NotFoundError) as error:
        if args.not_of is not None:
            raise
        return Fetched(skips=[Skip("", f"The repositories of an organisation cannot be listed: {error}")])
    others = {login.lower() for login in args.not_of or []}
    payloads = [bytes(item) for item in answer.decode(list[msgspec.Raw])]
    fetched = records([payload for payload in payloads if owner_of(payload) not in others], answer, context)
    fetched.follow_ups += next_page(slice_, answer)
    if answer.headers.get("x-github-sso", "").startswith("partial-results"):
        fetched.skips.append(
            Skip("", "Some organisations are left out: authorise the token for their single sign-on (SSO).")
        )
    return fetched


def repository(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One named repository; a renamed one answers with its new name. With ``is_alone`` its lists are not read next."""
    answer = client.http.get(repository_path(slice_.scope))
    fetched = records([answer.body], answer, context)
    if slice_.read(RepositoryArgs).is_alone:
        fetched.follow_ups, fetched.expected = [], {}
    return fetched


def owner_of(payload: bytes) -> str | None:
    """The owner of a listed repository in lower case, ``None`` when it cannot be read."""
    found = index.read_part(payload, _ListedRepositoryPayload)
    return found.full_name.partition("/")[0].lower() if found else None


def records(payloads: Iterable[bytes], answer: Answer, context: Context) -> Fetched:
    """The records of repositories, and the slices that read what happened in them."""
    fetched, readable = Fetched(), list[_ListedRepositoryPayload]()
    for payload in payloads:
        found = index.read_part(payload, _ListedRepositoryPayload)
        record = SourceRecord("repository", index.external_id(found and found.id, payload), payload)
        record.request = f"GET {answer.url}"
        fetched.records.append(record)
        if found:
            record.scope, record.updated_at = found.full_name, parse_time(found.updated_at)
            readable.append(found)
            before = repositories_at_start(context).get(record.external_id)
            if before and before.name != found.full_name:
                fetched.renamed[before.name] = found.full_name
            if context.with_sweep:
                fetched.listed.append(Listed("repository", found.full_name, [record.external_id]))
    fetched.expected = {"repository": len(fetched.records)}
    fetched.follow_ups = follow_ups(readable, context)
    return fetched


def follow_ups(found: Sequence[_ListedRepositoryPayload], context: Context) -> list[Slice]:
    """Overviews of several repositories at once. A single repository that is loaded completely needs none."""
    is_single = len(found) == 1 and time_window(context, found[0].full_name).is_open
    together = [each for each in found if each.node_id and not is_single]
    alone = [each.full_name for each in found if each not in together]
    return [
        *overview_slices([(each.node_id, each.full_name) for each in together]),
        *(slice_ for name in alone for slice_ in every_list(name, context)),
    ]
