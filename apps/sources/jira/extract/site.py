"""Step 1: which projects, fields, issue types and people does the site have?"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from apps.sources.base import Context, Fetched, Listed, Skip, Slice, SourceRecord
from apps.sources.errors import BadRequestError, ForbiddenError, InvalidAnswerError, NotFoundError
from apps.sources.jira.client import API, JiraClient, raw_records
from apps.sources.jira.extract.args import AccountArgs, KeysArgs, UnlistedArgs
from apps.sources.jira.extract.paging import walk
from apps.sources.jira.extract.stored import chosen_keys, needs_directories, stored_keys, take_key
from apps.sources.text import in_pieces

KEYS_PER_CALL = 50


def start(context: Context) -> list[Slice]:
    """Check the account first. With a bad token Jira returns empty lists instead of an error."""
    return [Slice.of("account", AccountArgs(needs_directories(context)))]


def fetch_account(slice_: Slice, context: Context) -> Fetched:
    """Check the token. Then add the slices that need a valid token."""
    client = JiraClient(context.http)
    client.myself()
    chosen = list(chosen_keys(context))
    follow_ups = [Slice.of("projects", KeysArgs(list(keys))) for keys in in_pieces(chosen, KEYS_PER_CALL)]
    follow_ups = follow_ups or [Slice("projects")]
    if slice_.read(AccountArgs).with_directories:
        refuse_data_center(client)
        follow_ups += [Slice("fields"), Slice("issue_types"), Slice("users")]
    return Fetched(follow_ups=follow_ups)


def refuse_data_center(client: JiraClient) -> None:
    """Data Center has neither ``search/jql`` nor the bulk calls."""
    server = client.server()
    if (server.deployment_type or "Cloud") != "Cloud":
        raise BadRequestError(
            f"This is Jira {server.deployment_type} {server.version or ''}, not Jira Cloud. It lacks the bulk "
            "endpoints that this source needs. Use the address of a Jira Cloud site."
        )


def fetch_projects(slice_: Slice, context: Context) -> Fetched:
    """The chosen projects, with a skip for each that the site does not show, or all that the token may see.

    Jira goes on to know a project by its former keys. So a chosen key may bring a project with another key.
    """
    client = JiraClient(context.http)
    keys, stored = slice_.read(KeysArgs).keys, stored_keys(context)
    found = list(walk(lambda start: client.projects(start, keys)))
    records = raw_records("project", found, request=f"GET {API}/project/search")
    if not keys:
        fetched = whole_list("project", records)
        for record in records:
            take_key(record, stored, fetched)
        return fetched
    fetched, wanted, shown = Fetched(), {key.upper() for key in keys}, set[str]()
    for record in records:
        names = take_key(record, stored, fetched)
        if names & wanted:
            shown |= names
            fetched.records.append(record)
    fetched.expected = {"project": len(fetched.records)}
    fetched.skips = [not_visible_skip(key, context) for key in keys if key.upper() not in shown]
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
    """Every field of the site. Deleted fields stay stored. This does no harm, because no issue has a value for them."""
    records = _directory(context, "field", "field")
    return Fetched(records, expected={"field": len(records)})


def fetch_issue_types(slice_: Slice, context: Context) -> Fetched:
    """Every issue type that the account may see."""
    return whole_list("issue_type", _directory(context, "issue_type", "issuetype"))


def fetch_users(slice_: Slice, context: Context) -> Fetched:
    """The user directory, if the account may see it. Issues contain people, too."""
    client = JiraClient(context.http)
    try:
        records = raw_records("user", list(user_pages(client)), request=f"GET {API}/users/search")
    except (ForbiddenError, NotFoundError) as error:
        reason = "The account may not browse the user directory. People are taken from the issues instead."
        return Fetched(skips=[Skip("", f"{reason} {error}")])
    return Fetched(records, expected={"user": len(records)})


def user_pages(client: JiraClient) -> Iterator[msgspec.Raw]:
    """All users up to the first empty page, each once."""
    seen: set[bytes] = set()
    start = 0
    while page := client.users(start):
        fresh = [user for user in page if bytes(user) not in seen]
        if not fresh:
            raise InvalidAnswerError("Jira repeats the same page of the user directory. Try again later.")
        seen.update(bytes(user) for user in fresh)
        yield from fresh
        start += len(page)


def _directory(context: Context, entity: str, path: str) -> list[SourceRecord]:
    items: Sequence[msgspec.Raw] = JiraClient(context.http).everything(path)
    return raw_records(entity, items, request=f"GET {API}/{path}")


def whole_list(entity: str, records: list[SourceRecord]) -> Fetched:
    """A complete list of one kind. If a stored object is not in this list, a later slice looks for it."""
    listed = [Listed(entity, "", [record.external_id for record in records])]
    follow_ups = [Slice.of("unlisted", UnlistedArgs(entity))]
    return Fetched(records, follow_ups, {entity: len(records)}, listed=listed)


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "account": fetch_account,
    "projects": fetch_projects,
    "fields": fetch_fields,
    "issue_types": fetch_issue_types,
    "users": fetch_users,
}
