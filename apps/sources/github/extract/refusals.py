"""What is missing if GitHub refuses a slice, and which slice asks for it again?"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from apps.sources.base import Context, Fetched, Skip, Slice
from apps.sources.errors import ForbiddenError, NotFoundError, SourceError
from apps.sources.github.client import RATE_LIMIT
from apps.sources.github.extract.anew import from_beginning, list_again
from apps.sources.github.extract.args import (
    OWN,
    FormerNameArgs,
    IdsArgs,
    IndexArgs,
    NumbersArgs,
    OverviewArgs,
    RepositoryArgs,
    RepositoryListArgs,
    VanishedArgs,
)
from apps.sources.github.extract.overview import overview_slices
from apps.sources.github.extract.repositories import list_of_repositories_again
from apps.sources.github.extract.stored import stored_of, stored_repositories
from apps.sources.github.extract.unresolved import DETAILS, title
from apps.sources.github.extract.window import window_since
from apps.sources.text import first_of

# What GitHub says of a repository that has nothing of the kind.
_IS_EMPTY = re.compile(r"repository is empty", re.I)
_IS_OFF = re.compile(r"\b(issues|actions) (has been|have been|is|are) disabled", re.I)


class _Missing(NamedTuple):
    scope: str
    what: str
    again: Slice | None


def probe(context: Context) -> None:
    """Ask for the rate limit, which costs nothing. A server without limits answers 404."""
    try:
        context.http.get(RATE_LIMIT)
    except (ForbiddenError, NotFoundError):
        return


def refused(slice_: Slice, error: SourceError, context: Context) -> Fetched:
    """A skip for each repository of the slice, with the slice that asks again."""
    fetched = Fetched(skips=[Skip(scope, f"{what} cannot be read. {error}", again=again)
                             for scope, what, again in _MISSING.get(slice_.kind, _list)(slice_, context)])  # fmt: skip
    if slice_.kind == "discovery":
        fetched.follow_ups = [Slice.of("repositories", RepositoryListArgs(OWN, []))]
    if slice_.kind == "repositories" and not slice_.read(RepositoryListArgs).is_again:
        fetched.follow_ups = _instead(slice_.read(RepositoryListArgs), context)
    return fetched


def none_here(slice_: Slice, error: SourceError, context: Context) -> Fetched | None:
    """The outcome if the repository simply has nothing of the kind: nothing is missing.

    GitHub says so, and the record of the repository as well: nothing was ever pushed, or issues are switched off. Of
    Actions the record says nothing.
    """
    is_empty, is_off = _IS_EMPTY.search(str(error)), _IS_OFF.search(str(error))
    if not slice_.scope or not (is_empty or is_off):
        return None
    record = next((found for found in stored_repositories(context) if found.name == slice_.scope), None)
    has_none = record is not None and (
        (is_empty and record.pushed_at is None)
        or (is_off and slice_.kind == "rest_issue_comments" and not record.has_issues)
        or (is_off and slice_.kind == "workflow_runs" and is_off[1].lower() == "actions")
    )
    if not has_none:
        return None
    return Fetched(skips=[Skip(slice_.scope, f"{_of_scope(slice_)}: {error}", is_missing=False)])


def _words(slice_: Slice) -> str:
    return slice_.kind.removeprefix("rest_").replace("_", " ").capitalize()


def _discovery(slice_: Slice, context: Context) -> Iterator[_Missing]:
    yield _Missing("", "The list of the organisations of the token's account", Slice("discovery"))


def _repositories(slice_: Slice, context: Context) -> Iterator[_Missing]:
    args = slice_.read(RepositoryListArgs)
    what = f"The list of the repositories of {args.owner or args.of or 'the account of the token'}"
    yield _Missing(args.owner or args.of, what, list_of_repositories_again(args))


def _repository(slice_: Slice, context: Context) -> Iterator[_Missing]:
    # Nothing else is known of a repository that could never be read, so its mark stays where it is.
    yield _Missing(slice_.scope, _of_scope(slice_), slice_ if slice_.read(RepositoryArgs).is_alone else None)


def _former_name(slice_: Slice, context: Context) -> Iterator[_Missing]:
    name = slice_.read(FormerNameArgs).name
    yield _Missing(name, f"What is called {name} now", slice_)


def _overview(slice_: Slice, context: Context) -> Iterator[_Missing]:
    args = slice_.read(OverviewArgs)
    for one in args.repositories:
        since = window_since(context, one[1], args.since).since
        again = Slice.of("overview", OverviewArgs([one], args.with_records, since=since), one[1])
        yield _Missing(one[1], f"What is new in {one[1]}", again)


def _instead(args: RepositoryListArgs, context: Context) -> list[Slice]:
    """If a list of repositories is refused, the stored ones are looked at by id; the account may know more of them."""
    owner = args.owner.lower()
    found = [(one.node_id, one.name) for one in stored_of(owner, args.not_of or [], context)]
    known = [Slice.of("repositories", RepositoryListArgs(OWN, of=owner, is_again=True))] if owner else []
    return [*overview_slices(found, with_records=True), *known]


def _pull_request_index(slice_: Slice, context: Context) -> Iterator[_Missing]:
    args = slice_.read(IndexArgs)
    for _, name in args.repositories:
        again = list_again(Slice("pull_requests", {}, name), context)
        yield _Missing(name, f"The list of the pull requests of {name}", again)
    for name in dict.fromkeys(entry[2] for entry in args.stored):
        yield _Missing(name, f"Stored pull requests of {name}", Slice("stored_pull_requests", {}, name))


def _ids(slice_: Slice, context: Context) -> Iterator[_Missing]:
    entity = "deployment" if "deployment" in slice_.kind else "pull_request"
    ids = slice_.read(IdsArgs).ids
    for name in dict.fromkeys(one.repository for one in ids):
        some = [one for one in ids if one.repository == name]
        again = Slice.of(DETAILS[entity], IdsArgs(some), slice_.scope)
        yield _Missing(name, first_of([title(entity, one) for one in some]), again)


def _pages(slice_: Slice, context: Context) -> Iterator[_Missing]:
    for again in from_beginning(slice_, context):
        name = title("pull_request", again.read(IdsArgs).ids[0])
        yield _Missing(slice_.scope, f"{name}, in a long list,", again)


def _numbers(slice_: Slice, context: Context) -> Iterator[_Missing]:
    numbers = slice_.read(NumbersArgs).numbers
    again = Slice.of(slice_.kind, NumbersArgs(numbers, is_again=True), slice_.scope)
    yield _Missing(slice_.scope, "Pull request " + first_of([f"{slice_.scope}#{number}" for number in numbers]), again)


def _vanished(slice_: Slice, context: Context) -> Iterator[_Missing]:
    yield _Missing(slice_.scope, f"The repository {slice_.scope}", slice_.read(VanishedArgs).again or slice_)


def _itself(slice_: Slice, context: Context) -> Iterator[_Missing]:
    yield _Missing(slice_.scope, _of_scope(slice_), slice_)


def _list(slice_: Slice, context: Context) -> Iterator[_Missing]:
    yield _Missing(slice_.scope, _of_scope(slice_), list_again(slice_, context))


def _of_scope(slice_: Slice) -> str:
    return f"{_words(slice_)} of {slice_.scope or 'GitHub'}" if slice_.kind != "repository" else slice_.scope


# What is missing, by the kind of slice; all other kinds are lists of a repository.
_MISSING: dict[str, Callable[[Slice, Context], Iterator[_Missing]]] = {
    "discovery": _discovery,
    "repositories": _repositories,
    "repository": _repository,
    "former_name": _former_name,
    "overview": _overview,
    "pull_request_heads": _pull_request_index,
    "pull_request_details": _ids,
    "deployment_details": _ids,
    "unresolved_pull_request": _ids,
    "unresolved_deployment": _ids,
    "pull_request_pages": _pages,
    "rest_pull_request_details": _numbers,
    "vanished": _vanished,
    **dict.fromkeys(("missing", "rest_deployment", "stored_pull_requests"), _itself),
}
