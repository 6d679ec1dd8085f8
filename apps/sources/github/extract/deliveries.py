"""What was released, deployed and run in a repository? Lists newest first, and single deployments by id."""

from collections.abc import Sequence
from typing import Any

import msgspec

from apps.sources.base import Context, Fetched, Listed, RawRecord, Slice
from apps.sources.github.client import (
    TOO_MUCH,
    Client,
    ask_less,
    attempts_for,
    hole,
    holes,
    next_page,
    owner_and_name,
)
from apps.sources.github.entities import LAG, list_path
from apps.sources.github.extract import index, queries
from apps.sources.github.extract.sizes import size_of
from apps.sources.github.extract.window import Window, window
from apps.sources.http import Answer
from apps.sources.text import parse_time

DEPLOYMENTS_PER_SLICE = 30
DETAILED = 50  # deployments by id at once


class _Dated(msgspec.Struct):
    id: Any = None
    created_at: Any = None
    published_at: Any = None
    updated_at: Any = None


class _Runs(msgspec.Struct):
    total_count: int = 0
    workflow_runs: list[msgspec.Raw] = []


class _Deployment(msgspec.Struct, rename="camel"):
    database_id: Any = None
    created_at: Any = None
    updated_at: Any = None


def releases(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of releases, newest first."""
    answer = client.page(piece.args.get("url", list_path(piece.scope, "release")))
    items, wanted = answer.decode(list[msgspec.Raw]), window(context, piece.scope)
    return swept(dated_page("release", items, piece, answer, wanted), "release", items, piece, answer)


def workflow_runs(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of workflow runs, newest first. Without a filter: a filtered list ends after 1,000 runs."""
    answer = client.page(piece.args.get("url", list_path(piece.scope, "workflow_run")))
    page, wanted = answer.decode(_Runs), window(context, piece.scope, LAG)
    fetched = dated_page("workflow_run", page.workflow_runs, piece, answer, wanted)
    if wanted.is_open:
        fetched.expected = {} if "url" in piece.args else {"workflow_run": page.total_count}
    return fetched


def dated_page(entity: str, items: list[msgspec.Raw], piece: Slice, answer: Answer, wanted: Window) -> Fetched:
    """The wanted records of a page, and the next page unless this one ends before the range."""
    fetched, is_past = Fetched(), False
    for payload in map(bytes, items):
        head = index.glance(payload, _Dated) or _Dated()
        stamps = (parse_time(text) for text in (head.updated_at, head.published_at, head.created_at))
        newest = max((stamp for stamp in stamps if stamp), default=None)
        is_past = wanted.is_before(newest)
        if wanted.wants(newest):
            name = index.external_id(head.id, payload)
            fetched.records.append(RawRecord(entity, name, payload, piece.scope, f"GET {answer.url}", newest))
    fetched.expected = {entity: len(fetched.records)}
    fetched.follow_ups = [] if is_past else next_page(piece, answer)
    return fetched


def swept(fetched: Fetched, entity: str, items: list[msgspec.Raw], piece: Slice, answer: Answer) -> Fetched:
    """A page of a list that is swept: it is read to its end, then what was not in it is asked for."""
    if piece.args.get("sweep"):
        heads_of = [(index.glance(payload, _Dated) or _Dated(), payload) for payload in map(bytes, items)]
        ids = [index.external_id(head.id, payload) for head, payload in heads_of]
        fetched.listed.append(Listed(entity, piece.scope, ids))
        fetched.follow_ups = next_page(piece, answer) or [Slice("missing", {"entity": entity}, piece.scope)]
    return fetched


def deployments(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of deployments with their statuses."""
    after, first = piece.args.get("after"), piece.args.get("first", queries.LISTED)
    variables = {**owner_and_name(piece.scope), "first": first, "after": after}
    try:
        told = client.graphql(queries.DEPLOYMENTS, variables, index.RepositoryAnswer, attempts_for(first))
    except TOO_MUCH as error:
        return ask_less(piece, first, error)
    if told.data.repository is None or told.data.repository.deployments is None:
        raise hole(told.errors, piece.scope)
    page, wanted = told.data.repository.deployments, window(context, piece.scope, LAG)
    found = [(index.glance(payload, _Deployment) or _Deployment(), payload) for payload in map(bytes, page.nodes)]
    stamps = [parse_time(head.created_at) for head, _ in found]
    request = f"POST {client.graphql_url} Deployments {piece.scope}"
    fetched = Fetched()
    for (_, payload), stamp in zip(found, stamps, strict=True):
        if wanted.wants(stamp):
            fetched.records.append(deployment_record(payload, piece.scope, request))
    if not wanted.is_open:
        fetched.expected = {"deployment": len(fetched.records)}
    elif after is None:
        fetched.expected = {"deployment": page.total_count}
    cursor = page.page_info.next_after(after, f"deployments of {piece.scope}")
    following = Slice(piece.kind, {**piece.args, "after": cursor, "first": first}, piece.scope)
    if piece.args.get("sweep"):
        ids = [index.external_id(head.database_id, payload) for head, payload in found]
        fetched.listed.append(Listed("deployment", piece.scope, ids))
        fetched.follow_ups = [following if cursor else Slice("missing", {"entity": "deployment"}, piece.scope)]
    elif cursor and not (stamps and wanted.is_before(stamps[-1])):
        fetched.follow_ups = [following]
    return fetched


def deployment_slices(wanted: Sequence[tuple[str, str]], size: int = DETAILED) -> list[Slice]:
    """Slices of deployments by node id and repository, of several repositories at once."""
    return [Slice("deployment_details", {"ids": list(wanted[i : i + size])}) for i in range(0, len(wanted), size)]


def deployment_details(client: Client, piece: Slice, context: Context) -> Fetched:
    """Some deployments by id."""
    wanted, size = piece.args["ids"], size_of(context, "deployments", DETAILED, 1)
    if len(wanted) > size.items:
        return Fetched(follow_ups=deployment_slices(wanted, size.items))
    ids = [node_id for node_id, _ in wanted]
    try:
        told = client.graphql(queries.DEPLOYMENT_DETAILS, {"ids": ids}, index.NodesAnswer, attempts_for(len(ids)))
    except TOO_MUCH as error:
        half, _ = size.halve(len(ids), 1, error)
        return Fetched(follow_ups=deployment_slices(wanted, half))
    fetched = Fetched(skips=holes(told.errors, ""))
    for (node_id, scope), payload in zip(wanted, map(bytes, told.data.nodes), strict=False):
        if payload != b"null":
            request = f"POST {client.graphql_url} DeploymentDetails {scope} {node_id}"
            fetched.records.append(deployment_record(payload, scope, request))
    fetched.expected = {"deployment": len(fetched.records)}
    return fetched


def deployment_record(payload: bytes, scope: str, request: str) -> RawRecord:
    """The raw record of a deployment with its statuses."""
    head = index.glance(payload, _Deployment) or _Deployment()
    name = index.external_id(head.database_id, payload)
    return RawRecord("deployment", name, payload, scope, request, parse_time(head.updated_at))


def rest_deployments(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of deployments over REST; each record holds the deployment and its statuses side by side."""
    path = list_path(piece.scope, "deployment")
    answer = client.page(piece.args.get("url", path), per_page=DEPLOYMENTS_PER_SLICE)
    items, wanted = answer.decode(list[msgspec.Raw]), window(context, piece.scope, LAG)
    fetched = swept(dated_page("deployment", items, piece, answer, wanted), "deployment", items, piece, answer)
    for record in fetched.records:
        statuses = client.page(f"{path}/{record.external_id}/statuses").decode(list[msgspec.Raw])
        record.payload = msgspec.json.encode({"deployment": msgspec.Raw(record.payload), "statuses": statuses})
    return fetched


def delivery_ids(client: Client, piece: Slice, context: Context) -> Fetched:
    """One page of the ids of all releases or deployments; after the last one, what was not among them is asked for."""
    entity, after = piece.args["entity"], piece.args.get("after")
    variables = {**owner_and_name(piece.scope), "first": queries.LISTED, "after": after}
    variables |= {"releases": entity == "release"}
    told = client.graphql(queries.DELIVERIES, variables, index.DeliveriesAnswer)
    home = told.data.repository
    page = home.releases or home.deployments if home else None
    if page is None:
        raise hole(told.errors, piece.scope)
    cursor = page.page_info.next_after(after, f"{entity}s of {piece.scope}")
    following = Slice(piece.kind, {"entity": entity, "after": cursor}, piece.scope)
    ids = [str(item.database_id) for item in page.items]
    return Fetched(
        listed=[Listed(entity, piece.scope, ids)],
        follow_ups=[following if cursor else Slice("missing", {"entity": entity}, piece.scope)],
    )
