"""What was released, deployed and run in a repository? Lists are read newest first, single deployments by id."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice, SourceRecord
from apps.sources.errors import OF_ALL_REQUESTS, SourceError
from apps.sources.github.client import Client, next_page
from apps.sources.github.entities import ENTITIES, list_path
from apps.sources.github.extract import index, queries
from apps.sources.github.extract.anew import list_again
from apps.sources.github.extract.args import EntityArgs, IdsArgs, ListArgs, NumberedId
from apps.sources.github.extract.gaps import Gap, gaps_below, hole, null_lists, pair, without_place
from apps.sources.github.extract.sizes import ask, ask_page, size_of
from apps.sources.github.extract.unresolved import take_null
from apps.sources.github.extract.window import TimeWindow, list_window
from apps.sources.github.kept import keep
from apps.sources.http import Answer
from apps.sources.text import counted, in_pieces, parse_time

MAX_REST_DEPLOYMENTS_PER_PAGE = 30  # each one needs another request, for its statuses
MAX_DETAILED_DEPLOYMENTS = 50
SHORT_LAG = timedelta(days=3)  # hardly any run or deployment lasts longer
MAX_REPEAT_PAGES = 3  # of the runs that may have been repeated; a sweep reads all of them


class _WorkflowRunsPayload(msgspec.Struct):
    total_count: int
    workflow_runs: list[msgspec.Raw]


class _RawDeploymentNode(msgspec.Struct, rename="camel"):
    id: str = ""
    database_id: Any = None
    created_at: Any = None
    updated_at: Any = None
    repository: index.NamedRepositoryNode | None = None


def releases(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of releases, newest first."""
    answer = client.page(slice_.read(ListArgs).url or list_path(slice_.scope, "release"))
    items = answer.decode(list[msgspec.Raw])
    return list_page("release", items, slice_, answer, context)


def workflow_runs(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of workflow runs, newest first. It has no filter, because a filtered list ends after 1,000 runs."""
    args = slice_.read(ListArgs)
    answer = client.page(args.url or list_path(slice_.scope, "workflow_run"))
    page = answer.decode(_WorkflowRunsPayload)
    fetched = list_page("workflow_run", page.workflow_runs, slice_, answer, context)
    if list_window(context, slice_).is_open:
        fetched.expected = {} if args.url else {"workflow_run": page.total_count}
    missing = page.total_count - args.seen - len(page.workflow_runs)
    if missing > 0 and not answer.link("next"):
        lacking(fetched, slice_, missing, context)
    return fetched


def list_page(entity: str, items: list[msgspec.Raw], slice_: Slice, answer: Answer, context: Context) -> Fetched:
    """The wanted records of a page, and the next page unless this one ends before the range.

    A sweep reads every page and lists its ids. After the last page, it asks for stored records that the list lacks.
    """
    args, window, fetched = slice_.read(ListArgs), list_window(context, slice_), Fetched()
    read = [(index.read_part(payload, index.IndexPayload) or index.IndexPayload(), payload)
            for payload in map(bytes, items)]  # fmt: skip
    names = [index.external_id(item.id, payload) for item, payload in read]
    unstored = unstored_of(entity, names, window, context)
    for name, (item, payload) in zip(names, read, strict=True):
        if name in unstored or window.has_time(item.newest):
            fetched.records.append(SourceRecord(entity, name, payload, slice_.scope, f"GET {answer.url}", item.newest))
    fetched.expected = {entity: len(fetched.records)}
    oldest = parse_time(read[-1][0].created_at) if read else None
    following = [one.replace_args(seen=args.seen + len(items)) for one in next_page(slice_, answer)]
    if args.with_sweep:
        fetched.listed = [Listed(entity, slice_.scope, names)]
        fetched.follow_ups = following or [Slice.of("missing", EntityArgs(entity), slice_.scope)]
    elif may_hold_more(entity, window, oldest, args.seen, context):
        fetched.follow_ups = following
    return fetched


def unstored_of(entity: str, names: Sequence[str], window: TimeWindow, context: Context) -> set[str]:
    """The listed records that a sweep finds unstored, however old they are."""
    return set(context.unstored(entity, names)) if context.with_sweep and not window.is_open else set()


def may_hold_more(entity: str, window: TimeWindow, oldest: Any, seen: int, context: Context) -> bool:
    """Whether the pages behind one that ends at ``oldest``, its time of creation, may hold something of the range.

    Runs are repeated for weeks, and a busy repository has many: only a sweep looks at all that may have changed.
    """
    if not window.reaches_back(SHORT_LAG).is_after(oldest):
        return True
    is_near = context.with_sweep or seen < MAX_REPEAT_PAGES * queries.MAX_LISTED_ITEMS
    return is_near and not window.reaches_back(ENTITIES[entity].lag).is_after(oldest)


def lacking(fetched: Fetched, slice_: Slice, missing: int, context: Context) -> None:
    """A list ends although more was announced: it is read once more, and what is then still missing is a hole."""
    anew = list_again(slice_, context)
    if slice_.read(ListArgs).begun:
        what = slice_.kind.removeprefix("rest_").replace("_", " ").removesuffix("s")
        gap = Gap((), f"GitHub announces {counted(missing, what)} more than it gives")
        fetched.skips.append(hole(slice_.scope, f"The list of {what}s of {slice_.scope}", [gap], anew))
    else:
        fetched.follow_ups.append(anew.replace_args(begun=1))


def deployments(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of deployments with their statuses."""
    args, scope, fetched = slice_.read(ListArgs), slice_.scope, Fetched()
    _, page, errors = ask_page(client, slice_, queries.DEPLOYMENTS, lambda repository: repository.deployments)
    window, nodes = list_window(context, slice_), [bytes(node) for node in page.nodes or []]
    gaps = gaps_below(errors, "repository", "deployments", "nodes")
    read = [(index.read_part(payload, _RawDeploymentNode) or _RawDeploymentNode(), payload) for payload in nodes]
    names = [index.external_id(node.database_id, payload) for node, payload in read if payload != b"null"]
    unstored = unstored_of("deployment", names, window, context)
    request = f"POST {client.graphql_url} Deployments {scope}"
    for place, (node, payload) in enumerate(read):
        newest = index.newest_of(node.updated_at, node.created_at)
        if payload != b"null" and (str(node.database_id) in unstored or window.has_time(newest)):
            one = NumberedId(node.id, scope, number_in(node.database_id))
            take_deployment(fetched, one, payload, gaps.get(place, []), request, context)
    if not window.is_open:
        fetched.expected = {"deployment": len(fetched.records)}
    elif args.after is None:
        fetched.expected = {"deployment": page.total_count or 0}
    cursor = page.page_info and page.page_info.next_after(args.after, f"deployments of {scope}")
    following = slice_.replace_args(after=cursor, first=args.first, seen=args.seen + len(nodes))
    if args.with_sweep:
        fetched.listed.append(Listed("deployment", scope, names))
        fetched.follow_ups += [following if cursor else Slice.of("missing", EntityArgs("deployment"), scope)]
    elif cursor and may_hold_more("deployment", window, oldest_of(read), args.seen, context):
        fetched.follow_ups += [following]
    if missing := nodes.count(b"null") + page.lacks(args.seen) + (page.nodes is None or page.page_info is None):
        lacking(fetched, slice_, missing, context)
    return fetched


def oldest_of(read: Sequence[tuple[_RawDeploymentNode, bytes]]) -> Any:
    """When the last deployment of a page was created."""
    return parse_time(read[-1][0].created_at) if read else None


def number_in(value: object) -> int:
    """A database id as a number, 0 if it is none."""
    return value if isinstance(value, int) else 0


def deployment_slices(ids: Sequence[NumberedId], size: int = MAX_DETAILED_DEPLOYMENTS) -> list[Slice]:
    """Slices of deployments by id, of several repositories at once."""
    return [Slice.of("deployment_details", IdsArgs(list(some))) for some in in_pieces(ids, size)]


def deployment_details(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Some deployments by id."""
    asked, size = slice_.read(IdsArgs).ids, size_of(context, "deployments", MAX_DETAILED_DEPLOYMENTS, 1)
    if len(asked) > size.items:
        return Fetched(follow_ups=deployment_slices(asked, size.items))

    def ask_less(error: SourceError) -> Fetched:
        half, _ = size.halve(len(asked), 1, error)
        return Fetched(follow_ups=deployment_slices(asked, half))

    variables = {"ids": [one.id for one in asked]}
    answer = ask(client, queries.DEPLOYMENT_DETAILS, variables, index.NodesData,
                 is_smallest=len(asked) <= 1, ask_less=ask_less)  # fmt: skip
    fetched, gaps = Fetched(), gaps_below(answer.errors, "nodes")
    nodes = [bytes(node) for node in answer.data.nodes]
    unplaced = without_place(answer.errors)
    for one, payload, place in pair(asked, nodes, is_deployment):
        found = [*gaps.get(place, []), *([Gap((), unplaced)] if unplaced else [])]
        if payload == b"null":
            take_null(fetched, "deployment", one, found)
        else:
            request = f"POST {client.graphql_url} DeploymentDetails {one.repository} {one.id}"
            take_deployment(fetched, one, payload, found, request, context)
    fetched.expected = {"deployment": len(fetched.records)}
    return fetched


def is_deployment(one: NumberedId, payload: bytes) -> bool:
    """Whether a payload is the deployment that was asked for."""
    node = index.read_part(payload, _RawDeploymentNode)
    return node is not None and node.id == one.id


def take_deployment(
    fetched: Fetched, one: NumberedId, payload: bytes, gaps: list[Gap], request: str, context: Context
) -> None:
    """The raw record of a deployment with its statuses. What did not come keeps its stored value."""
    node = index.read_part(payload, _RawDeploymentNode) or _RawDeploymentNode()
    gaps = [*gaps, *null_lists(payload, ["statuses"])]
    if gaps and not node.database_id:
        take_null(fetched, "deployment", one, gaps)
        return
    name = index.external_id(node.database_id, payload)
    if gaps:
        stored = context.find("deployment", name)
        payload = keep(payload, [gap.path for gap in gaps if gap.path], [stored.payload] if stored else [])
        again = deployment_slices([one])[0]
        fetched.skips.append(hole(one.repository, f"Deployment {name} of {one.repository}", gaps, again))
    scope = index.name_of(node.repository) or one.repository
    fetched.records.append(SourceRecord("deployment", name, payload, scope, request, parse_time(node.updated_at)))


def rest_deployments(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of deployments over REST; each record holds the deployment and its statuses side by side."""
    path = list_path(slice_.scope, "deployment")
    answer = client.page(slice_.read(ListArgs).url or path, per_page=MAX_REST_DEPLOYMENTS_PER_PAGE)
    items = answer.decode(list[msgspec.Raw])
    fetched = list_page("deployment", items, slice_, answer, context)
    found, fetched.records = fetched.records, []
    for record in found:
        try:
            statuses = client.every_item(f"{path}/{record.external_id}/statuses")
        except OF_ALL_REQUESTS:
            raise
        except SourceError:
            alone = EntityArgs("deployment", ids=[record.external_id])
            fetched.follow_ups.append(Slice.of("rest_deployment", alone, slice_.scope))
            continue
        record.payload = with_statuses(record.payload, statuses)
        fetched.records.append(record)
    return fetched


def with_statuses(payload: bytes, statuses: list[msgspec.Raw]) -> bytes:
    """The payload of a record over REST."""
    return msgspec.json.encode({"deployment": msgspec.Raw(payload), "statuses": statuses})


def rest_deployment(client: Client, slice_: Slice, context: Context) -> Fetched:
    """A deployment by its number over REST."""
    fetched = Fetched()
    for number in slice_.read(EntityArgs).ids or []:
        path = f"{list_path(slice_.scope, 'deployment')}/{number}"
        answer = client.http.get(path)
        statuses = client.every_item(f"{path}/statuses")
        item = answer.decode(index.IndexPayload)
        payload, name = with_statuses(answer.body, statuses), index.external_id(item.id, answer.body)
        fetched.records.append(
            SourceRecord("deployment", name, payload, slice_.scope, f"GET {answer.url}", item.newest)
        )
    return fetched


def delivery_ids(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Older installations may have such slices in their queues: the whole list takes their place."""
    entity = slice_.read(EntityArgs).entity
    return Fetched(follow_ups=[Slice.of(f"{entity}s", ListArgs(with_sweep=True), slice_.scope)])
