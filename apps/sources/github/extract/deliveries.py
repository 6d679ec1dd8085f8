"""What was released, deployed and run in a repository? Lists are read newest first, single deployments by id."""

from collections.abc import Sequence
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, Slice, SourceRecord
from apps.sources.errors import SourceError
from apps.sources.github.client import Client, next_page, null_repository_error, owner_and_name, skips_of
from apps.sources.github.entities import LAG, list_path
from apps.sources.github.extract import index, queries
from apps.sources.github.extract.args import EntityArgs, IdsArgs, ListArgs
from apps.sources.github.extract.sizes import ask, ask_page, size_of
from apps.sources.github.extract.window import TimeWindow, time_window
from apps.sources.http import Answer
from apps.sources.text import in_pieces, parse_time

MAX_REST_DEPLOYMENTS_PER_PAGE = 30  # each one needs another request, for its statuses
MAX_DETAILED_DEPLOYMENTS = 50


class _WorkflowRunsPayload(msgspec.Struct):
    total_count: int = 0
    workflow_runs: list[msgspec.Raw] = []


class _RawDeploymentNode(msgspec.Struct, rename="camel"):
    database_id: Any = None
    created_at: Any = None
    updated_at: Any = None


def releases(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of releases, newest first."""
    answer = client.page(slice_.read(ListArgs).url or list_path(slice_.scope, "release"))
    items, window = answer.decode(list[msgspec.Raw]), time_window(context, slice_.scope)
    return with_sweep(dated_page("release", items, slice_, answer, window), "release", items, slice_, answer)


def workflow_runs(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of workflow runs, newest first. It has no filter, because a filtered list ends after 1,000 runs."""
    url = slice_.read(ListArgs).url
    answer = client.page(url or list_path(slice_.scope, "workflow_run"))
    page, window = answer.decode(_WorkflowRunsPayload), time_window(context, slice_.scope, LAG)
    fetched = dated_page("workflow_run", page.workflow_runs, slice_, answer, window)
    if window.is_open:
        fetched.expected = {} if url else {"workflow_run": page.total_count}
    return fetched


def dated_page(entity: str, items: list[msgspec.Raw], slice_: Slice, answer: Answer, window: TimeWindow) -> Fetched:
    """The wanted records of a page, and the next page unless this one ends before the range."""
    fetched, is_past = Fetched(), False
    for payload in map(bytes, items):
        item = index.read_part(payload, index.IndexPayload) or index.IndexPayload()
        is_past = window.is_after(item.newest)
        if window.has_time(item.newest):
            name = index.external_id(item.id, payload)
            fetched.records.append(SourceRecord(entity, name, payload, slice_.scope, f"GET {answer.url}", item.newest))
    fetched.expected = {entity: len(fetched.records)}
    fetched.follow_ups = [] if is_past else next_page(slice_, answer)
    return fetched


def with_sweep(fetched: Fetched, entity: str, items: list[msgspec.Raw], slice_: Slice, answer: Answer) -> Fetched:
    """In a sweep, list the ids of a page. After the last page, ask for stored records that the list lacks."""
    if slice_.read(ListArgs).with_sweep:
        read = [(index.read_part(payload, index.IndexPayload) or index.IndexPayload(), payload)
                for payload in map(bytes, items)]  # fmt: skip
        ids = [index.external_id(item.id, payload) for item, payload in read]
        fetched.listed.append(Listed(entity, slice_.scope, ids))
        fetched.follow_ups = next_page(slice_, answer) or [Slice.of("missing", EntityArgs(entity), slice_.scope)]
    return fetched


def deployments(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of deployments with their statuses."""
    args, scope = slice_.read(ListArgs), slice_.scope
    _, page = ask_page(client, slice_, queries.DEPLOYMENTS, lambda repository: repository.deployments)
    window, fetched = time_window(context, scope, LAG), Fetched()
    nodes = [(index.read_part(payload, _RawDeploymentNode) or _RawDeploymentNode(), payload)
             for payload in map(bytes, page.nodes)]  # fmt: skip
    stamps = [parse_time(node.created_at) for node, _ in nodes]
    request = f"POST {client.graphql_url} Deployments {scope}"
    for (_, payload), stamp in zip(nodes, stamps, strict=True):
        if window.has_time(stamp):
            fetched.records.append(deployment_record(payload, scope, request))
    if not window.is_open:
        fetched.expected = {"deployment": len(fetched.records)}
    elif args.after is None:
        fetched.expected = {"deployment": page.total_count}
    cursor = page.page_info.next_after(args.after, f"deployments of {scope}")
    following = slice_.replace_args(after=cursor, first=args.first)
    if args.with_sweep:
        ids = [index.external_id(node.database_id, payload) for node, payload in nodes]
        fetched.listed.append(Listed("deployment", scope, ids))
        fetched.follow_ups = [following if cursor else Slice.of("missing", EntityArgs("deployment"), scope)]
    elif cursor and not (stamps and window.is_after(stamps[-1])):
        fetched.follow_ups = [following]
    return fetched


def deployment_slices(ids: Sequence[tuple[str, str]], size: int = MAX_DETAILED_DEPLOYMENTS) -> list[Slice]:
    """Slices of deployments by node id and repository, of several repositories at once."""
    return [Slice.of("deployment_details", IdsArgs(list(some))) for some in in_pieces(ids, size)]


def deployment_details(client: Client, slice_: Slice, context: Context) -> Fetched:
    """Some deployments by id."""
    asked, size = slice_.read(IdsArgs).ids, size_of(context, "deployments", MAX_DETAILED_DEPLOYMENTS, 1)
    if len(asked) > size.items:
        return Fetched(follow_ups=deployment_slices(asked, size.items))

    def ask_less(error: SourceError) -> Fetched:
        half, _ = size.halve(len(asked), 1, error)
        return Fetched(follow_ups=deployment_slices(asked, half))

    variables = {"ids": [node_id for node_id, _ in asked]}
    answer = ask(client, queries.DEPLOYMENT_DETAILS, variables, index.NodesData,
                 is_smallest=len(asked) <= 1, ask_less=ask_less)  # fmt: skip
    fetched = Fetched(skips=skips_of(answer.errors, ""))
    for (node_id, scope), payload in zip(asked, map(bytes, answer.data.nodes), strict=False):
        if payload != b"null":
            request = f"POST {client.graphql_url} DeploymentDetails {scope} {node_id}"
            fetched.records.append(deployment_record(payload, scope, request))
    fetched.expected = {"deployment": len(fetched.records)}
    return fetched


def deployment_record(payload: bytes, scope: str, request: str) -> SourceRecord:
    """The raw record of a deployment with its statuses."""
    node = index.read_part(payload, _RawDeploymentNode) or _RawDeploymentNode()
    name = index.external_id(node.database_id, payload)
    return SourceRecord("deployment", name, payload, scope, request, parse_time(node.updated_at))


def rest_deployments(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of deployments over REST; each record holds the deployment and its statuses side by side."""
    path = list_path(slice_.scope, "deployment")
    answer = client.page(slice_.read(ListArgs).url or path, per_page=MAX_REST_DEPLOYMENTS_PER_PAGE)
    items, window = answer.decode(list[msgspec.Raw]), time_window(context, slice_.scope, LAG)
    fetched = with_sweep(dated_page("deployment", items, slice_, answer, window), "deployment", items, slice_, answer)
    for record in fetched.records:
        statuses = client.page(f"{path}/{record.external_id}/statuses").decode(list[msgspec.Raw])
        record.payload = msgspec.json.encode({"deployment": msgspec.Raw(record.payload), "statuses": statuses})
    return fetched


def delivery_ids(client: Client, slice_: Slice, context: Context) -> Fetched:
    """One page of the ids of all releases or deployments. After the last page, ask for stored ones that it lacks."""
    args = slice_.read(EntityArgs)
    entity, after = args.entity, args.after
    variables = {**owner_and_name(slice_.scope), "first": queries.MAX_LISTED_ITEMS, "after": after}
    variables |= {"releases": entity == "release"}
    answer = client.graphql(queries.DELIVERIES, variables, index.DeliveriesData)
    repository = answer.data.repository
    page = repository.releases or repository.deployments if repository else None
    if page is None:
        raise null_repository_error(answer.errors, slice_.scope)
    cursor = page.page_info.next_after(after, f"{entity}s of {slice_.scope}")
    following = Slice.of(slice_.kind, EntityArgs(entity, cursor), slice_.scope)
    ids = [str(item.database_id) for item in page.items]
    return Fetched(
        listed=[Listed(entity, slice_.scope, ids)],
        follow_ups=[following if cursor else Slice.of("missing", EntityArgs(entity), slice_.scope)],
    )
