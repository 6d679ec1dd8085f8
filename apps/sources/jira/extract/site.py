"""Step 1: which projects, fields, issue types and people does the site have?"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import (
    OF_THE_CONNECTION,
    BadRequestError,
    ForbiddenError,
    InvalidAnswerError,
    SourceError,
)
from apps.sources.jira.client import API, JiraClient, raw_records
from apps.sources.jira.extract.args import AccountArgs, PeopleArgs, ProjectListArgs, UnlistedArgs
from apps.sources.jira.extract.paging import ListPage, ask_twice, fetched_page, read_page
from apps.sources.jira.extract.stored import chosen_keys, needs_directories, stored_keys, take_key
from apps.sources.jira.fields import find_fields
from apps.sources.text import in_pieces

KEYS_PER_CALL = 50


def start(context: Context) -> list[Slice]:
    """Check the account first. With a bad token Jira returns empty lists instead of an error."""
    return [Slice.of("account", AccountArgs(needs_directories(context)))]


def fetch_account(slice_: Slice, context: Context) -> Fetched:
    """Check the token. Then add the slices that need a valid token."""
    client = JiraClient(context.http)
    accept_token(client)
    chosen = list(chosen_keys(context))
    follow_ups = [Slice.of("projects", ProjectListArgs(keys=list(keys))) for keys in in_pieces(chosen, KEYS_PER_CALL)]
    follow_ups = follow_ups or [Slice("projects")]
    if slice_.read(AccountArgs).with_directories:
        refuse_data_center(client)
        follow_ups += [Slice("fields"), Slice("issue_types"), Slice("users")]
    return Fetched(follow_ups=follow_ups)


def accept_token(client: JiraClient) -> None:
    """Ask for the account behind the token. A token that may not read the account is known all the same."""
    with suppress(ForbiddenError):
        client.myself()


def refuse_data_center(client: JiraClient) -> None:
    """Data Center has neither ``search/jql`` nor the bulk calls. A site that does not say what it is may be Cloud."""
    try:
        server = client.server()
    except OF_THE_CONNECTION:
        raise
    except SourceError:
        return
    if (server.deployment_type or "Cloud") != "Cloud":
        raise BadRequestError(
            f"This is Jira {server.deployment_type} {server.version or ''}, not Jira Cloud. It lacks the bulk "
            "endpoints that this source needs. Use the address of a Jira Cloud site."
        )


def fetch_projects(slice_: Slice, context: Context) -> Fetched:
    """A page of the chosen projects, or of all that the token may see.

    Jira goes on to know a project by its former keys. So a chosen key may bring a project with another key. The last
    page has a skip for each chosen project that the site does not show.
    """
    client, args, stored = JiraClient(context.http), slice_.read(ProjectListArgs), stored_keys(context)
    page = read_page(slice_, lambda start: client.projects(start, args.keys))
    records = raw_records("project", page.values, request=f"GET {API}/project/search")
    if not args.keys:
        fetched = whole_list("project", slice_, page, "The list of projects", records)
        for record in records:
            take_key(record, stored, fetched)
        return fetched
    fetched = fetched_page(slice_, page, "The list of projects", [])
    wanted, shown = {key.upper() for key in args.keys}, set(args.shown)
    for record in records:
        names = take_key(record, stored, fetched)
        if names & wanted:
            shown |= names
            fetched.records.append(record)
    fetched.expected = {"project": len(fetched.records)}
    fetched.follow_ups = [following.replace_args(shown=sorted(shown)) for following in fetched.follow_ups]
    if page.is_end:
        fetched.skips += [not_visible_skip(key, context) for key in args.keys if key.upper() not in shown]
    return fetched


def not_visible_skip(key: str, context: Context) -> Skip:
    """The skip for a chosen project that the site does not show; it also says under which former key it was chosen."""
    chosen = chosen_keys(context).get(key, key)
    return Skip(
        key,
        f"Project {key}{f' (chosen as {chosen})' if chosen != key else ''} does not exist, is archived, or the "
        "token's account may not see it. Check the key, or give the account the permission Browse projects.",
    )


def fetch_fields(slice_: Slice, context: Context) -> Fetched:
    """Every field of the site. Deleted fields stay stored. This does no harm, because no issue has a value for them.

    If other fields have a meaning now, the rows of all issues are made again.
    """
    before = {record.external_id: record for record in context.current("field")}
    records = _directory(context, "field", "field")
    fetched = Fetched(records, expected={"field": len(records)})
    after = before | {record.external_id: record for record in records}
    old, new = find_fields(before.values()), find_fields(after.values())
    if [set(fields) for fields in old] != [set(fields) for fields in new]:
        fetched.made_again = {"issue": []}
        fetched.follow_ups = [Slice("stored_epics")]
    return fetched


def fetch_issue_types(slice_: Slice, context: Context) -> Fetched:
    """Every issue type that the account may see."""
    records = _directory(context, "issue_type", "issuetype")
    return whole_list("issue_type", slice_, ListPage([]), "The list of issue types", records)


def fetch_users(slice_: Slice, context: Context) -> Fetched:
    """A page of the user directory, if the account may see it. Only an empty page is the last one."""
    client, args = JiraClient(context.http), slice_.read(PeopleArgs)
    page = ask_twice(lambda: client.users(args.start), lambda users: not users and not args.start)
    if not page and not args.start:
        raise InvalidAnswerError("Jira sent an empty user directory.")
    first = blake2b(page[0], digest_size=6).hexdigest() if page else ""
    if first and first == args.first:
        raise InvalidAnswerError("Jira repeats the same page of the user directory. Try again later.")
    records = raw_records("user", page, request=f"GET {API}/users/search")
    following = [slice_.replace_args(start=args.start + len(page), first=first)] if page else []
    return Fetched(records, following, {"user": len(records)})


def _directory(context: Context, entity: str, path: str) -> list[SourceRecord]:
    items: Sequence[msgspec.Raw] = JiraClient(context.http).everything(path)
    return raw_records(entity, items, request=f"GET {API}/{path}")


def whole_list(entity: str, slice_: Slice, page: ListPage, what: str, records: list[SourceRecord]) -> Fetched:
    """A page of a list of all objects of one kind. If its last page is good, a slice looks for what the list lacks."""
    fetched = fetched_page(slice_, page, what, records)
    fetched.expected = {entity: len(records)}
    fetched.listed = [Listed(entity, "", [record.external_id for record in records])]
    if page.is_end:
        fetched.follow_ups.append(Slice.of("unlisted", UnlistedArgs(entity)))
    return fetched


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "account": fetch_account,
    "projects": fetch_projects,
    "fields": fetch_fields,
    "issue_types": fetch_issue_types,
    "users": fetch_users,
}
