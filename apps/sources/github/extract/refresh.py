"""Which pull requests are new, which stored ones have changed, which are gone?

One query asks for the newest pull requests of some repositories and, in a sweep, for the fingerprints of stored ones by
id. A null node says that a pull request is gone.
"""

from collections.abc import Iterable, Sequence

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice
from apps.sources.errors import InvalidAnswerError, SourceError
from apps.sources.github.client import Client, GraphQLAnswer, null_reasons
from apps.sources.github.extract import pull_requests as pulls
from apps.sources.github.extract import queries
from apps.sources.github.extract.args import Entry, IndexArgs, VanishedArgs
from apps.sources.github.extract.deletions import evidence_of
from apps.sources.github.extract.fingerprints import FingerprintNode, index_slice, index_slices
from apps.sources.github.extract.index import RepositoryListsNode
from apps.sources.github.extract.sizes import Size, ask, size_of
from apps.sources.reading import read_answer
from apps.sources.text import clean, in_pieces

NOT_FOUND = "NOT_FOUND"
Answer = GraphQLAnswer[dict[str, msgspec.Raw]]
Vanished = dict[str, list[tuple[str, str]]]  # by repository: the external ids of pull requests, each with its evidence


def pull_request_index(client: Client, slice_: Slice, context: Context) -> Fetched:
    """The newest pull requests of some repositories, and which of the stored ones have changed or are gone."""
    args = slice_.read(IndexArgs)
    repositories, stored, first = args.repositories, args.stored, args.first
    size = size_of(
        context,
        "known" if stored else "newest",
        queries.MAX_REFRESHED_PULL_REQUESTS,
        queries.MAX_LISTED_ITEMS,
    )
    if len(stored) > size.items:
        return Fetched(follow_ups=index_slices(repositories, stored, size.items))
    groups = list(in_pieces([entry[0] for entry in stored], queries.MAX_IDS_PER_LIST))
    variables = {"repositories": [node_id for node_id, _ in repositories], "first": min(first, size.inner)}
    variables |= {f"known{i}": group for i, group in enumerate(groups)}
    answer = ask(
        client,
        queries.pull_request_index(len(groups)),
        variables,
        dict[str, msgspec.Raw],
        is_smallest=len(stored) + len(repositories) <= 1 and first == 1,
        ask_less=lambda error: Fetched(follow_ups=smaller(repositories, stored, first, size, error)),
    )
    fetched, vanished = Fetched(), Vanished()
    ids = take_newest(fetched, repositories, answer, context, vanished)
    ids += take_stored(fetched, client, stored, answer, context, vanished)
    fetched.follow_ups += pulls.detail_slices(ids, pulls.detail_size(context).items)
    fetched.follow_ups += [Slice.of("vanished", VanishedArgs(found), scope) for scope, found in vanished.items()]
    return fetched


def smaller(
    repositories: Sequence[tuple[str, str]], stored: Sequence[Entry], first: int, size: Size, error: SourceError
) -> list[Slice]:
    """The same in smaller queries: each kind by itself, then half of it."""
    if repositories and stored:
        return [index_slice(repositories, [], first), index_slice([], stored, first)]
    half, first = size.halve(len(repositories) + len(stored), first, error)
    if repositories:
        return [index_slice(some, [], first) for some in in_pieces(repositories, half)]
    return [index_slice([], some, first) for some in in_pieces(stored, half)]


def take_newest(
    fetched: Fetched, repositories: Iterable[tuple[str, str]], answer: Answer, context: Context, vanished: Vanished
) -> list[tuple[str, str]]:
    """The wanted pull requests among the newest. A repository that is null is noted in ``vanished``."""
    ids = list[tuple[str, str]]()
    nodes = read_answer(bytes(answer.data.get("repositories", b"[]")), list[RepositoryListsNode | None])
    for (_, name), node in zip(repositories, nodes, strict=True):
        if node is None or node.pull_requests is None:
            vanished.setdefault(name, [])
        else:
            ids += pulls.take_index(fetched, node.pull_requests, node.name_with_owner, context)
    return ids


def take_stored(
    fetched: Fetched, client: Client, stored: Sequence[Entry], answer: Answer, context: Context, vanished: Vanished
) -> list[tuple[str, str]]:
    """The stored pull requests that have changed. One whose node is null is noted in ``vanished``."""
    changed, present = list[tuple[str, str]](), dict[str, list[str]]()
    for i, group in enumerate(in_pieces(stored, queries.MAX_IDS_PER_LIST)):
        nodes = read_answer(bytes(answer.data.get(f"known{i}", b"[]")), list[FingerprintNode | None])
        if len(nodes) != len(group):
            raise InvalidAnswerError(f"GitHub answered {len(nodes)} nodes for {len(group)} ids.")
        reasons = null_reasons(answer.errors, f"known{i}")
        for place, ((node_id, external_id, scope, fingerprint), node) in enumerate(zip(group, nodes, strict=True)):
            if node is not None:
                present.setdefault(scope, []).append(external_id)
                if node.fingerprint != fingerprint and not context.is_full:
                    changed.append((node_id, scope))
            elif place in reasons and reasons[place].type == NOT_FOUND:
                reason = clean(reasons[place].message)[:200].rstrip(".")
                evidence = f"POST {client.graphql_url} (nodes, {node_id}) was answered with null, {NOT_FOUND}: {reason}"
                vanished.setdefault(scope, []).append((external_id, evidence_of(evidence)))
    fetched.listed += [Listed("pull_request", scope, ids) for scope, ids in present.items()]
    if changed:
        pulls.announce(fetched, len(changed))
    return changed
