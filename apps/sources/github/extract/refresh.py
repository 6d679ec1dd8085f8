"""Which pull requests are new, which stored ones have changed, which are gone?

One query asks for the newest pull requests of some repositories and, in a sweep, for the fingerprints of stored ones by
id. A null node says that a pull request is gone.
"""

from collections.abc import Sequence

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice
from apps.sources.errors import SourceError
from apps.sources.github.client import Client, GraphQLAnswer
from apps.sources.github.extract import fingerprints, index, queries
from apps.sources.github.extract import pull_requests as pulls
from apps.sources.github.extract.anew import list_again
from apps.sources.github.extract.args import Entry, IndexArgs, ListArgs, Named, NumberedId, VanishedArgs
from apps.sources.github.extract.deletions import evidence_of, number_of
from apps.sources.github.extract.fingerprints import FingerprintNode, index_slice, index_slices
from apps.sources.github.extract.gaps import NOT_FOUND, NULL, Gap, gaps_below, hole, pair, without_place
from apps.sources.github.extract.sizes import Size, ask, size_of
from apps.sources.github.extract.unresolved import hole_of, take_null_repository
from apps.sources.reading import read_answer
from apps.sources.text import in_pieces

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
        return Fetched(follow_ups=index_slices(repositories, stored, size.items, args.numbers))
    groups = list(in_pieces([entry[0] for entry in stored], queries.MAX_IDS_PER_LIST))
    variables = {"repositories": [node_id for node_id, _ in repositories], "first": min(first, size.inner)}
    variables |= {f"known{i}": group for i, group in enumerate(groups)}
    answer = ask(
        client,
        queries.pull_request_index(len(groups)),
        variables,
        dict[str, msgspec.Raw],
        is_smallest=len(stored) + len(repositories) <= 1 and first == 1,
        ask_less=lambda error: Fetched(follow_ups=smaller(args, size, error)),
    )
    fetched, vanished = Fetched(), Vanished()
    ids = take_newest(fetched, args, answer, context)
    nulls = {one.scope: one.read(VanishedArgs).again for one in fetched.follow_ups if one.kind == "vanished"}
    fetched.follow_ups = [one for one in fetched.follow_ups if one.kind != "vanished"]
    ids += take_stored(fetched, client, stored, answer, context, vanished)
    fetched.follow_ups += pulls.detail_slices(ids, pulls.detail_size(context).items)
    fetched.follow_ups += [
        Slice.of("vanished", VanishedArgs(vanished.get(scope, []), nulls.get(scope)), scope)
        for scope in {**nulls, **vanished}
    ]
    if reason := without_place(answer.errors):
        names = dict.fromkeys([*(name for _, name in repositories), *(entry[2] for entry in stored)])
        for name in names:
            again = Slice.of("pull_requests", ListArgs(with_sweep=True), name)
            fetched.skips.append(hole(name, f"The list of the pull requests of {name}", [Gap((), reason)], again))
    return fetched


def smaller(args: IndexArgs, size: Size, error: SourceError) -> list[Slice]:
    """The same in smaller queries: each kind by itself, then half of it."""
    repositories, stored, first, numbers = args.repositories, args.stored, args.first, args.numbers
    if repositories and stored:
        return [index_slice(repositories, [], first, numbers), index_slice([], stored, first)]
    half, first = size.halve(len(repositories) + len(stored), first, error)
    if repositories:
        return [index_slice(some, [], first, numbers) for some in in_pieces(repositories, half)]
    return [index_slice([], some, first) for some in in_pieces(stored, half)]


def stored_pull_requests(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Compare all stored pull requests of a repository by their fingerprints."""
    return Fetched(follow_ups=index_slices([], fingerprints.stored_pull_requests(context, {slice_.scope})))


def take_newest(fetched: Fetched, args: IndexArgs, answer: Answer, context: Context) -> list[NumberedId]:
    """The wanted pull requests among the newest. If the list did not come, or only in part, it is read by itself."""
    ids = list[NumberedId]()
    nodes, gaps = nodes_in(answer, "repositories"), gaps_below(answer.errors, "repositories")
    for one, payload, place in pair(args.repositories, nodes, is_repository):
        node = index.read_part(payload, index.RepositoryListsNode)
        listed = Slice.of("pull_requests", ListArgs(first=args.first), node.name_with_owner if node else one[1])
        if payload == NULL:
            take_null_repository(fetched, one[1], gaps.get(place, []), list_again(listed, context))
        elif node is None or node.pull_requests is None or None in node.pull_requests.nodes or place in gaps:
            fetched.follow_ups.append(msgspec.structs.replace(listed, args={}))
        else:
            ids += pulls.take_index(fetched, node.pull_requests, listed, context, args.numbers.get(one[1]))
    return ids


def nodes_in(answer: Answer, name: str) -> list[bytes]:
    """A list of the answer, empty if it did not come."""
    payload = bytes(answer.data.get(name, NULL))
    return [] if payload == NULL else [bytes(node) for node in read_answer(payload, list[msgspec.Raw])]


def is_repository(one: Named, payload: bytes) -> bool:
    """Whether a payload is the repository that was asked for."""
    node = index.read_part(payload, index.RepositoryListsNode)
    return node is not None and node.id == one[0]


def take_stored(
    fetched: Fetched, client: Client, stored: Sequence[Entry], answer: Answer, context: Context, vanished: Vanished
) -> list[NumberedId]:
    """The stored pull requests that have changed. One that GitHub does not find is noted in ``vanished``."""
    changed, present = list[NumberedId](), dict[str, list[str]]()
    for i, group in enumerate(in_pieces(stored, queries.MAX_IDS_PER_LIST)):
        name = f"known{i}"
        nodes, gaps = nodes_in(answer, name), gaps_below(answer.errors, name)
        for (node_id, external_id, scope, fingerprint), payload, place in pair(group, nodes, is_entry):
            node, lost = index.read_part(payload, FingerprintNode), gaps.get(place, [])
            if payload == NULL and lost and lost[0].type == NOT_FOUND:
                reason = lost[0].reason[:200].rstrip(".")
                evidence = f"POST {client.graphql_url} (nodes, {node_id}) was answered with null, {NOT_FOUND}: {reason}"
                vanished.setdefault(scope, []).append((external_id, evidence_of(evidence)))
            elif payload == NULL or node is None or lost:
                one = NumberedId(node_id, scope, number_of_stored(external_id, context))
                fetched.skips.append(hole_of("pull_request", one, lost or [Gap()]))
            else:
                present.setdefault(scope, []).append(external_id)
                if node.fingerprint != fingerprint and not context.is_full:
                    changed.append(NumberedId(node_id, scope, node.number or 0))
    fetched.listed += [Listed("pull_request", scope, ids) for scope, ids in present.items()]
    if changed:
        pulls.announce(fetched, len(changed))
    return changed


def is_entry(entry: Entry, payload: bytes) -> bool:
    """Whether a payload is the pull request of an entry."""
    node = index.read_part(payload, FingerprintNode)
    return node is not None and node.id == entry[0]


def number_of_stored(external_id: str, context: Context) -> int:
    """The number of a stored pull request."""
    number = number_of("pull_request", external_id, context)
    return int(number) if number.isdecimal() else 0
