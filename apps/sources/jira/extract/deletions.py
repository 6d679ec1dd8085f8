"""Which objects did Jira delete?

If a complete list lacks a stored object, we ask for it by id. Only a 404 or 410 for that id proves the deletion. An
empty, refused or broken list proves nothing. A bulk answer proves nothing either, because the object may have moved.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

import msgspec

from apps.sources.base import Context, Deletion, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import ForbiddenError, SourceError
from apps.sources.jira.client import (
    AGILE,
    API,
    ISSUES_PER_CALL,
    PROJECT_DETAILS,
    IssueNamePayload,
    JiraClient,
    read_items,
)
from apps.sources.jira.extract.args import IssuesArgs, KeysArgs, UnlistedArgs, VerifyArgs
from apps.sources.jira.extract.paging import each, paused
from apps.sources.jira.extract.parents import orphans
from apps.sources.jira.extract.stored import stored_keys, take_key
from apps.sources.text import clean, in_pieces

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
    return look_for(entity, context.unlisted(entity, ""))


def fetch_unlisted_issues(slice_: Slice, context: Context) -> Fetched:
    """The issues that the list of some projects lacks. Moved ones are fetched, the others are verified."""
    return look_for("issue", [issue for key in slice_.read(KeysArgs).keys for issue in context.unlisted("issue", key)])


def fetch_lost_issues(slice_: Slice, context: Context) -> Fetched:
    """The issues of deleted projects, which no list contains."""
    of_stored_projects: set[str] = set()
    for project in context.current("project"):
        of_stored_projects.update(context.unlisted("issue", project.scope))
    return look_for("issue", [issue for issue in context.unlisted("issue", "") if issue not in of_stored_projects])


def fetch_unasked(slice_: Slice, context: Context) -> Fetched:
    """The objects that an earlier run has not asked for, up to the limit of a run."""
    args = slice_.read(VerifyArgs)
    return look_for(args.entity, args.ids)


def look_for(entity: str, ids: Sequence[str]) -> Fetched:
    """The slices that find out which objects still exist, up to the limit of a run; the next run asks for the rest."""
    asked, rest = ids[:MAX_ASKED], list(ids[MAX_ASKED:])
    find = existing_slices if entity == "issue" else partial(verify_slices, entity)
    fetched = Fetched(follow_ups=find(asked))
    if rest:
        reason = f"A run asks for at most {MAX_ASKED} {entity} records that the lists lack; {len(rest):,} are left."
        again = Slice.of("unasked", VerifyArgs(entity, rest))
        fetched.skips = [Skip("", f"{reason} The next run continues with them.", again=again)]
    return fetched


def existing_slices(ids: Sequence[str]) -> list[Slice]:
    """The slices that find out which issues still exist."""
    return [Slice.of("existing", VerifyArgs("issue", list(some))) for some in in_pieces(ids, ISSUES_PER_CALL)]


def verify_slices(entity: str, ids: Sequence[str]) -> list[Slice]:
    """The slices that ask for each of ``ids``."""
    return [Slice.of("verify", VerifyArgs(entity, list(some))) for some in in_pieces(ids, OBJECTS_PER_SLICE)]


def found_slice(ids: Sequence[str]) -> Slice:
    """The slice that fetches some issues as a whole, whatever a list says of them."""
    return Slice.of("found_issues", IssuesArgs(list(ids), []))


def found_slices(ids: Sequence[str]) -> list[Slice]:
    """The slices that fetch moved issues again."""
    return [found_slice(some) for some in in_pieces(ids, OBJECTS_PER_SLICE)]


def fetch_existing(slice_: Slice, context: Context) -> Fetched:
    """Find out which of some stored issues still exist, with one call."""
    ids = slice_.read(VerifyArgs).ids
    items = JiraClient(context.http).issue_names(ids)
    names = [name for name, _ in read_items(items, IssueNamePayload, "an issue without an id")]
    existing = list(dict.fromkeys(clean(name.id) for name in names))
    missing = [issue for issue in ids if issue not in set(existing)]
    return Fetched(follow_ups=found_slices(existing) + verify_slices("issue", missing))


def fetch_verified(slice_: Slice, context: Context) -> Fetched:
    """Check the account, then ask for objects one by one. Without a valid token Jira answers 404 for every object."""
    client = JiraClient(context.http)
    prove_token(client)
    args, fetched = slice_.read(VerifyArgs), Fetched()
    entity = args.entity
    existing: list[str] = []

    def ask(name: str) -> None:
        path = f"{PATHS[entity]}{name}"
        payload = bytes(client.get(path, msgspec.Raw, PARAMETERS.get(entity)))
        if entity == "issue":
            existing.append(name)
        else:
            record = SourceRecord(entity, name, payload, "", f"GET {path}")
            if entity == "project":
                take_key(record, stored_keys(context), fetched)
            fetched.records.append(record)

    refused = each(args.ids, ask)
    later = paused(refused)
    for name in [name for name in refused if name not in later]:
        _record_deletion_or_skip(entity, name, refused[name], fetched)
    deleted = {one.external_id for one in fetched.deletions if one.entity == "issue"}
    fetched.follow_ups = found_slices(existing + orphans(deleted, context)) + verify_slices(entity, later)
    return fetched


def prove_token(client: JiraClient) -> None:
    """Ask for the account. A token that lacks the scope for that (401) is known all the same."""
    try:
        client.myself()
    except ForbiddenError as error:
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise


def _record_deletion_or_skip(entity: str, name: str, error: SourceError, fetched: Fetched) -> None:
    """Record the deletion for a 404 or 410. Any other refusal proves nothing, so it becomes a skip."""
    if error.status not in PROOFS:
        reason = f"It is not known whether {entity.replace('_', ' ')} {name} was deleted. {error}"
        fetched.skips.append(Skip("", reason, again=Slice.of("verify", VerifyArgs(entity, [name]))))
        return
    evidence = f"{error}, asked on {datetime.now(UTC):%Y-%m-%d at %H:%M:%S} UTC."
    fetched.deletions += [Deletion(part, name, evidence) for part in (entity, *PARTS.get(entity, ()))]


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "unlisted": fetch_unlisted,
    "unlisted_issues": fetch_unlisted_issues,
    "lost_issues": fetch_lost_issues,
    "unasked": fetch_unasked,
    "existing": fetch_existing,
    "verify": fetch_verified,
}
