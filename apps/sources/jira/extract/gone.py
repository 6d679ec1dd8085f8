"""What is gone? What a complete list lacks is asked for by id: only a 404 of its own proves that it is.

An empty, refused or broken list proves nothing, and neither does a bulk answer: what was only moved is still there.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from apps.sources.base import Context, Deletion, Fetched, RawRecord, Skip, Slice
from apps.sources.errors import BadRequestError, ForbiddenError, NotFoundError, SourceError
from apps.sources.jira.client import AGILE, API, ISSUES_PER_CALL, JiraClient, Name, read_shape
from apps.sources.jira.extract.known import KnownProject
from apps.sources.jira.extract.parents import orphans
from apps.sources.text import in_pieces

MOST = 500  # objects per list and run: the rest waits for the next one
PER_SLICE = 100
PROOFS = (404, 410)
# Where one object is asked for, and which other records are kept of it.
PATHS = {
    "project": f"{API}/project/",
    "issue_type": f"{API}/issuetype/",
    "status": f"{API}/status/",
    "board": f"{AGILE}/board/",
    "sprint": f"{AGILE}/sprint/",
    "issue": f"{API}/issue/",
}
PARTS = {"issue": ("issue_changelog", "issue_comments", "dev_status"), "project": ("project_statuses",)}


def fetch_unlisted(piece: Slice, context: Context) -> Fetched:
    """What a list of the site, read to its end, lacks."""
    entity = piece.args["entity"]
    ids, rest = _bounded(context.unlisted(entity, ""))
    return Fetched(follow_ups=verify(entity, ids), skips=_told(entity, rest))


def fetch_unlisted_issues(piece: Slice, context: Context) -> Fetched:
    """The issues that the list of some projects lacks: those that were moved are fetched, the others verified."""
    return _search([issue for key in piece.args["keys"] for issue in context.unlisted("issue", key)], context)


def fetch_lost_issues(piece: Slice, context: Context) -> Fetched:
    """The issues of projects that are not there any more: nobody lists them."""
    known: set[str] = set()
    for project in context.current("project"):
        known.update(context.unlisted("issue", project.scope))
    lost = [issue for issue in context.unlisted("issue", "") if issue not in known]
    return _search(lost, context)


def verify(entity: str, ids: Sequence[str]) -> list[Slice]:
    """The slices that ask for each of ``ids``."""
    return [Slice("verify", {"entity": entity, "ids": list(some)}) for some in in_pieces(ids, PER_SLICE)]


def found(ids: Sequence[str]) -> list[Slice]:
    """The slices that fetch issues again that are there, but not where they were."""
    return [Slice("found_issues", {"ids": list(some), "keys": []}) for some in in_pieces(ids, PER_SLICE)]


def fetch_verified(piece: Slice, context: Context) -> Fetched:
    """Ask for some objects one by one. First for the account: a stranger is told 404 of everything."""
    client = JiraClient(context.http)
    client.myself()
    entity, fetched = piece.args["entity"], Fetched()
    there: list[str] = []
    for name in piece.args["ids"]:
        path = f"{PATHS[entity]}{name}"
        try:
            payload = bytes(client.get(path, msgspec.Raw, {"fields": "key"} if entity == "issue" else None))
        except (NotFoundError, ForbiddenError, BadRequestError) as error:
            _judge(entity, name, error, fetched)
            continue
        if entity == "issue":
            there.append(name)
        else:
            scope = read_shape(payload, KnownProject).key if entity == "project" else ""
            fetched.records.append(RawRecord(entity, name, payload, scope, f"GET {path}"))
    gone = {one.external_id for one in fetched.deletions if one.entity == "issue"}
    fetched.follow_ups = found(there + orphans(gone, context))
    return fetched


def _search(ids: Sequence[str], context: Context) -> Fetched:
    """Which of some stored issues are still there, in one call per 100 of them?"""
    client = JiraClient(context.http)
    ids, rest = _bounded(ids)
    calls = in_pieces(ids, ISSUES_PER_CALL)
    names = [read_shape(bytes(item), Name) for some in calls for item in client.issue_names(some)]
    there = list(dict.fromkeys(str(name.id) for name in names))
    missing = [issue for issue in ids if issue not in set(there)]
    return Fetched(follow_ups=found(there) + verify("issue", missing), skips=_told("issue", rest))


def _judge(entity: str, name: str, error: SourceError, fetched: Fetched) -> None:
    """A 404 is the proof, any other refusal says nothing."""
    if error.status not in PROOFS:
        fetched.skips.append(Skip("", f"Whether {entity} {name} is gone cannot be told. {error}"))
        return
    evidence = f"{error}, asked on {datetime.now(UTC):%Y-%m-%d at %H:%M:%S} UTC."
    fetched.deletions += [Deletion(part, name, evidence) for part in (entity, *PARTS.get(entity, ()))]


def _bounded(ids: Sequence[str]) -> tuple[list[str], int]:
    return list(ids[:MOST]), max(0, len(ids) - MOST)


def _told(entity: str, rest: int) -> list[Skip]:
    if not rest:
        return []
    what = f"{rest:,} more records of {entity} are missing in the lists than the {MOST} that a run asks for one by one"
    return [Skip("", f"{what}: the next sweep goes on with them.")]


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "unlisted": fetch_unlisted,
    "unlisted_issues": fetch_unlisted_issues,
    "lost_issues": fetch_lost_issues,
    "verify": fetch_verified,
}
