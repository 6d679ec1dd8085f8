"""Which pull requests are new, which stored ones have changed, which are gone? One look at many of them.

The newest ones of some repositories and, in a sweep, the marks of stored ones, asked for by id; a null node says that
one is gone.
"""

from collections.abc import Iterable, Sequence

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice
from apps.sources.errors import InvalidAnswerError, SourceError
from apps.sources.github.client import TOO_MUCH, Client, Told, null_reasons
from apps.sources.github.extract import pull_requests as pulls
from apps.sources.github.extract import queries
from apps.sources.github.extract.deletions import answered
from apps.sources.github.extract.fingerprints import Entry, Marks, heads_slice, parts_of, slices
from apps.sources.github.extract.index import Repository
from apps.sources.github.extract.sizes import Size, size_of
from apps.sources.text import clean, read_json

NOT_FOUND = "NOT_FOUND"


def pull_request_heads(client: Client, piece: Slice, context: Context) -> Fetched:
    """The newest pull requests of some repositories, and which of the stored ones have changed or are gone."""
    repositories, stored, first = piece.args["repositories"], piece.args["known"], piece.args["first"]
    size = size_of(context, "known" if stored else "newest", queries.KNOWN, queries.LISTED)
    if len(stored) > size.items:
        return Fetched(follow_ups=slices(repositories, stored, size.items))
    groups = list(parts_of([entry[0] for entry in stored], queries.IDS))
    variables = {"repositories": [node_id for node_id, _ in repositories], "first": min(first, size.inner)}
    variables |= {f"known{i}": group for i, group in enumerate(groups)}
    smallest = len(stored) + len(repositories) <= 1 and first == 1
    try:
        told = client.graphql(
            queries.heads(len(groups)), variables, dict[str, msgspec.Raw], attempts=None if smallest else 1
        )
    except TOO_MUCH as error:
        return Fetched(follow_ups=smaller(repositories, stored, first, size, error))
    fetched, lost = Fetched(), dict[str, list[list[str]]]()
    wanted = take_newest(fetched, repositories, told, context, lost)
    wanted += take_known(fetched, client, stored, told, context, lost)
    fetched.follow_ups += pulls.in_pieces(wanted, pulls.detailed(context))
    fetched.follow_ups += [Slice("vanished", {"pull_requests": found}, scope) for scope, found in lost.items()]
    return fetched


def smaller(
    repositories: Sequence[tuple[str, str]], stored: Sequence[Entry], first: int, size: Size, error: SourceError
) -> list[Slice]:
    """The same in smaller questions: each kind by itself, then half of it."""
    if repositories and stored:
        return [heads_slice(repositories, [], first), heads_slice([], stored, first)]
    half, first = size.halve(len(repositories) + len(stored), first, error)
    if repositories:
        return [heads_slice(part, [], first) for part in parts_of(repositories, half)]
    return [heads_slice([], part, first) for part in parts_of(stored, half)]


def take_newest(
    fetched: Fetched, repositories: Iterable[tuple[str, str]], told: Told[dict[str, msgspec.Raw]], context: Context,
    lost: dict[str, list[list[str]]],
) -> list[tuple[str, str]]:  # fmt: skip
    """The wanted pull requests among the newest; a repository that is null is noted in ``lost``."""
    wanted = list[tuple[str, str]]()
    nodes = read_json(bytes(told.data.get("repositories", b"[]")), list[Repository | None])
    for (_, name), home in zip(repositories, nodes, strict=True):
        if home is None or home.pull_requests is None:
            lost.setdefault(name, [])
        else:
            wanted += pulls.take_list(fetched, home.pull_requests, home.name_with_owner, context)
    return wanted


def take_known(
    fetched: Fetched, client: Client, stored: Sequence[Entry], told: Told[dict[str, msgspec.Raw]], context: Context,
    lost: dict[str, list[list[str]]],
) -> list[tuple[str, str]]:  # fmt: skip
    """The stored pull requests that have changed; those whose node is null are noted in ``lost`` with the evidence."""
    changed, there = list[tuple[str, str]](), dict[str, list[str]]()
    for i, group in enumerate(parts_of(stored, queries.IDS)):
        nodes = read_json(bytes(told.data.get(f"known{i}", b"[]")), list[Marks | None])
        if len(nodes) != len(group):
            raise InvalidAnswerError(f"GitHub answered {len(nodes)} nodes for {len(group)} ids.")
        reasons = null_reasons(told.errors, f"known{i}")
        for place, ((node_id, external_id, scope, mark), now) in enumerate(zip(group, nodes, strict=True)):
            if now is not None:
                there.setdefault(scope, []).append(external_id)
                if now.mark != mark and not context.is_full:
                    changed.append((node_id, scope))
            elif place in reasons and reasons[place].type == NOT_FOUND:
                said = f"POST {client.graphql_url} (nodes, {node_id}) was answered with null, {NOT_FOUND}: "
                lost.setdefault(scope, []).append(
                    [external_id, answered(said + clean(reasons[place].message)[:200].rstrip("."))]
                )
    fetched.listed += [Listed("pull_request", scope, ids) for scope, ids in there.items()]
    if changed:
        pulls.announce(fetched, len(changed))
    return changed
