"""Which objects did Jira delete?

If a complete list lacks a stored object, we ask for it by id. Only a 404 or 410 for that id proves the deletion. An
empty, refused or broken list proves nothing. A bulk answer proves nothing either, because the object may have moved.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import BadRequestError, ForbiddenError, NotFoundError, SourceError
from apps.sources.jira.client import (
    AGILE,
    API,
    ISSUES_PER_CALL,
    PROJECT_DETAILS,
    IssueNamePayload,
    JiraClient,
    read_shape,
)
from apps.sources.jira.extract.args import IssuesArgs, KeysArgs, UnlistedArgs, VerifyArgs
from apps.sources.jira.extract.parents import orphans
from apps.sources.jira.extract.stored import stored_keys, take_key
from apps.sources.text import in_pieces

MAX_ASKED = 500  # objects per list and run; the others wait for the next run
OBJECTS_PER_SLICE = 100
PROOFS = (404, 410)
# The path of one object, and the other records that are stored for it.
PATHS = {
    "project": f"{API}/project/",
    "issue_type": f"{API}/issuetype/",
    "status": f"{API}/status/",
    "board": f"{AGILE}/board/",
    "sprint": f"{AGILE}/sprint/",
    "issue": f"{API}/issue/",
}
PARAMETERS = {"issue": {"fields": "key"}, "project": {"expand": PROJECT_DETAILS}}
PARTS = {"issue": ("issue_changelog", "issue_comments", "dev_status"), "project": ("project_statuses",)}


def fetch_unlisted(slice_: Slice, context: Context) -> Fetched:
    """The stored objects that a complete list of the site lacks."""
    entity = slice_.read(UnlistedArgs).entity
    ids, left_out = _bounded(context.unlisted(entity, ""))
    return Fetched(follow_ups=verify_slices(entity, ids), skips=_left_out(entity, left_out))


def fetch_unlisted_issues(slice_: Slice, context: Context) -> Fetched:
    """The issues that the list of some projects lacks. Moved ones are fetched, the others are verified."""
    return _check_existing(
        [issue for key in slice_.read(KeysArgs).keys for issue in context.unlisted("issue", key)], context
    )


def fetch_lost_issues(slice_: Slice, context: Context) -> Fetched:
    """The issues of deleted projects, which no list contains."""
    of_stored_projects: set[str] = set()
    for project in context.current("project"):
        of_stored_projects.update(context.unlisted("issue", project.scope))
    return _check_existing(
        [issue for issue in context.unlisted("issue", "") if issue not in of_stored_projects], context
    )


def verify_slices(entity: str, ids: Sequence[str]) -> list[Slice]:
    """The slices that ask for each of ``ids``."""
    return [Slice.of("verify", VerifyArgs(entity, list(some))) for some in in_pieces(ids, OBJECTS_PER_SLICE)]


def found_slices(ids: Sequence[str]) -> list[Slice]:
    """The slices that fetch moved issues again."""
    return [Slice.of("found_issues", IssuesArgs(list(some), [])) for some in in_pieces(ids, OBJECTS_PER_SLICE)]


def fetch_verified(slice_: Slice, context: Context) -> Fetched:
    """Check the account, then ask for objects one by one. Without a valid token Jira answers 404 for every object."""
    client = JiraClient(context.http)
    client.myself()
    args, fetched = slice_.read(VerifyArgs), Fetched()
    entity = args.entity
    existing: list[str] = []
    for name in args.ids:
        path = f"{PATHS[entity]}{name}"
        try:
            payload = bytes(client.get(path, msgspec.Raw, PARAMETERS.get(entity)))
        except (NotFoundError, ForbiddenError, BadRequestError) as error:
            _record_deletion_or_skip(entity, name, error, fetched)
            continue
        if entity == "issue":
            existing.append(name)
        else:
            record = SourceRecord(entity, name, payload, "", f"GET {path}")
            if entity == "project":
                take_key(record, stored_keys(context), fetched)
            fetched.records.append(record)
    deleted = {one.external_id for one in fetched.deletions if one.entity == "issue"}
    fetched.follow_ups = found_slices(existing + orphans(deleted, context))
    return fetched


def _check_existing(ids: Sequence[str], context: Context) -> Fetched:
    """Find out which of some stored issues still exist, with one call per 100 of them."""
    client = JiraClient(context.http)
    ids, left_out = _bounded(ids)
    calls = in_pieces(ids, ISSUES_PER_CALL)
    names = [read_shape(bytes(item), IssueNamePayload) for some in calls for item in client.issue_names(some)]
    existing = list(dict.fromkeys(str(name.id) for name in names))
    missing = [issue for issue in ids if issue not in set(existing)]
    follow_ups = found_slices(existing) + verify_slices("issue", missing)
    return Fetched(follow_ups=follow_ups, skips=_left_out("issue", left_out))


def _record_deletion_or_skip(entity: str, name: str, error: SourceError, fetched: Fetched) -> None:
    """Record the deletion for a 404 or 410. Any other refusal proves nothing, so it becomes a skip."""
    if error.status not in PROOFS:
        fetched.skips.append(Skip("", f"It is not known whether {entity} {name} was deleted. {error}"))
        return
    evidence = f"{error}, asked on {datetime.now(UTC):%Y-%m-%d at %H:%M:%S} UTC."
    fetched.deletions += [Deletion(part, name, evidence) for part in (entity, *PARTS.get(entity, ()))]


def _bounded(ids: Sequence[str]) -> tuple[list[str], int]:
    return list(ids[:MAX_ASKED]), max(0, len(ids) - MAX_ASKED)


def _left_out(entity: str, number: int) -> list[Skip]:
    if not number:
        return []
    reason = f"A run asks for at most {MAX_ASKED} {entity} records that the lists lack; {number:,} more are missing."
    return [Skip("", f"{reason} The next sweep continues with them.")]


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "unlisted": fetch_unlisted,
    "unlisted_issues": fetch_unlisted_issues,
    "lost_issues": fetch_lost_issues,
    "verify": fetch_verified,
}
