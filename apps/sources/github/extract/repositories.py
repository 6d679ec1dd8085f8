"""Which repositories are there? The first slices of the first step. Later slices read what happened in them.

A stored repository that the run names is not asked for here: its overview shows whether it changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import ForbiddenError, InvalidAnswerError
from apps.sources.github.client import Client, next_page, repository_path
from apps.sources.github.extract import index
from apps.sources.github.extract.args import INSTALLATION, OWN, RepositoryArgs, RepositoryListArgs, of_owner
from apps.sources.github.extract.former_names import record_of
from apps.sources.github.extract.overview import every_list, overview_slices
from apps.sources.github.extract.stored import chosen_repositories, repositories_at_start, stored_of
from apps.sources.github.extract.window import time_window
from apps.sources.http import Answer
from apps.sources.reading import Name
from apps.sources.text import parse_time

# How GitHub refuses what is not for such a token.
BY_INSTALLATION = "not accessible by integration"
BY_FINE_GRAINED = "not accessible by personal access token"


class _OrganisationPayload(msgspec.Struct):
    login: Name


class _InstallationPayload(msgspec.Struct):
    repositories: list[msgspec.Raw]


class _ListedRepositoryPayload(msgspec.Struct):
    full_name: Name
    id: Any = None
    node_id: str = ""
    updated_at: Any = None


def start(context: Context) -> list[Slice]:
    """One slice for some stored repositories each, one per new repository, or one that discovers all."""
    if not context.connection.scopes:
        return [Slice("discovery")]
    stored, others = chosen_repositories(context)
    if context.is_full:
        stored, others = [], [*(found.name for found in stored), *others]
    return [
        *overview_slices([(found.node_id, found.name) for found in stored], with_records=True),
        *(Slice("repository", {}, name) for name in others),
    ]


def discovery(client: Client, slice_: Slice, context: Context) -> Fetched:
    """The account's own lists and those of its organisations, so that no repository is listed twice.

    The token of an installation has no account, but a list. A fine-grained token sees no more than its own list.
    """
    try:
        items = client.every_item("/user/orgs")
    except ForbiddenError as error:
        if BY_INSTALLATION in str(error):
            return Fetched(follow_ups=[Slice.of("repositories", RepositoryListArgs(INSTALLATION))])
        if BY_FINE_GRAINED not in str(error):
            raise
        items = []
    found = [index.read_index(bytes(item), _OrganisationPayload, "an organisation") for item in items]
    logins = [organisation.login for organisation in found if organisation]
    lists = [RepositoryListArgs(OWN, logins), *(RepositoryListArgs(of_owner(login), owner=login) for login in logins)]
    return Fetched(follow_ups=[Slice.of("repositories", each) for each in lists])


def repositories(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of a list of repositories."""
    args = slice_.read(RepositoryListArgs)
    answer = client.page(args.url)
    others = {login.lower() for login in args.not_of or []}
    payloads = [payload for payload in listed_in(answer, args) if is_wanted(owner_of(payload), args.of.lower(), others)]
    fetched = records(payloads, answer, context, is_again=args.is_again)
    further = next_page(slice_, answer)
    fetched.follow_ups += further or ([] if args.is_again else unlisted(fetched, args, context))
    sso = answer.headers.get("x-github-sso", "")
    if sso.startswith("partial-results") and not args.of:
        organisations = sso.partition("organizations=")[2] or "some"
        fetched.skips.append(
            Skip(
                args.owner,
                f"The repositories of organisations are left out ({organisations}). Authorise the token for their "
                "single sign-on (SSO).",
                again=list_of_repositories_again(args),
            )
        )
    return fetched


def listed_in(answer: Answer, args: RepositoryListArgs) -> list[bytes]:
    """The repositories of a page."""
    is_installation = args.first_url == INSTALLATION
    items = answer.decode(_InstallationPayload).repositories if is_installation else answer.decode(list[msgspec.Raw])
    return [bytes(item) for item in items]


def is_wanted(owner: str | None, only: str, others: set[str]) -> bool:
    """Whether the repositories of an owner are wanted from a list."""
    return owner == only if only else owner not in others


def list_of_repositories_again(args: RepositoryListArgs) -> Slice:
    """A list of repositories from its beginning, for any later run."""
    again = RepositoryListArgs(args.first_url, args.not_of, args.owner, args.of, is_again=True)
    return Slice.of("repositories", again)


def repository(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One named repository; a renamed one answers with its new name. With ``is_alone`` its lists are not read next."""
    answer = client.http.get(repository_path(slice_.scope))
    fetched = records([answer.body], answer, context)
    (record,) = fetched.records
    if not record.scope:
        raise InvalidAnswerError("GitHub's answer does not say which repository it is about.")
    if record.scope.lower() != slice_.scope.lower():
        fetched.records.append(record_of(slice_.scope, answer.body, record.request))
    if slice_.read(RepositoryArgs).is_alone:
        fetched.follow_ups, fetched.expected = [], {}
    return fetched


def unlisted(fetched: Fetched, args: RepositoryListArgs, context: Context) -> list[Slice]:
    """Looks at stored repositories that all pages of a list have lacked: the list proves nothing."""
    lacking = set(context.unlisted("repository", "")) - {record.external_id for record in fetched.records}
    owned = stored_of(args.owner or args.of, args.not_of or [], context)
    return overview_slices([(one.node_id, one.name) for one in owned if one.id in lacking], with_records=True)


def owner_of(payload: bytes) -> str | None:
    """The owner of a listed repository in lower case, ``None`` when it cannot be read."""
    found = index.read_part(payload, _ListedRepositoryPayload)
    return found.full_name.partition("/")[0].lower() if found else None


def records(payloads: Iterable[bytes], answer: Answer, context: Context, *, is_again: bool = False) -> Fetched:
    """The records of repositories, and the slices that read what happened in them.

    ``is_again``: what happened in stored repositories is read without this list.
    """
    fetched, readable = Fetched(), list[_ListedRepositoryPayload]()
    for payload in payloads:
        found = index.read_index(payload, _ListedRepositoryPayload, "a repository")
        record = SourceRecord("repository", index.external_id(found and found.id, payload), payload)
        record.request = f"GET {answer.url}"
        fetched.records.append(record)
        if found:
            record.scope, record.updated_at = found.full_name, parse_time(found.updated_at)
            readable.append(found)
            before = repositories_at_start(context).get(record.external_id)
            if before and before.name != found.full_name:
                fetched.renamed[before.name] = found.full_name
            fetched.listed.append(Listed("repository", found.full_name, [record.external_id]))
    fetched.expected = {"repository": len(fetched.records)}
    if is_again:
        new = set(context.unstored("repository", [record.external_id for record in fetched.records]))
        readable = [found for found in readable if str(found.id) in new]
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
