"""Step 1: which projects, fields, issue types and people does the site have?"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from apps.sources.base import Context, Fetched, Listed, RawRecord, Skip, Slice
from apps.sources.errors import BadRequestError, ForbiddenError, InvalidAnswerError, NotFoundError
from apps.sources.jira.client import API, Id, JiraClient, Shape, raw_records, read_shape
from apps.sources.jira.extract.known import directories_are_due
from apps.sources.jira.extract.paging import walk
from apps.sources.text import in_pieces

KEYS_PER_CALL = 50


class _Project(Shape):
    id: Id = ""
    key: str = ""


def start(context: Context) -> list[Slice]:
    """First the account: with a bad token many of Jira's lists are not refused but empty."""
    return [Slice("account", {"directories": directories_are_due(context)})]


def fetch_account(piece: Slice, context: Context) -> Fetched:
    """Check the token; what is to be fetched with it follows."""
    client = JiraClient(context.http)
    client.myself()
    scopes = context.connection.scopes
    follow_ups = [Slice("projects", {"keys": list(keys)}) for keys in in_pieces(scopes, KEYS_PER_CALL)]
    follow_ups = follow_ups or [Slice("projects", {"keys": []})]
    if piece.args.get("directories"):
        refuse_data_center(client)
        follow_ups += [Slice("fields"), Slice("issue_types"), Slice("users")]
    return Fetched(follow_ups=follow_ups)


def refuse_data_center(client: JiraClient) -> None:
    """Data Center has neither ``search/jql`` nor the bulk calls."""
    server = client.server()
    if (server.deployment_type or "Cloud") != "Cloud":
        raise BadRequestError(
            f"This is Jira {server.deployment_type} {server.version or ''}, not Jira Cloud: it lacks the "
            "bulk end points that this source is built on. Use the address of a Jira Cloud site."
        )


def fetch_projects(piece: Slice, context: Context) -> Fetched:
    """The chosen projects (one that is not there is told), or all that the token may see."""
    client = JiraClient(context.http)
    keys: list[str] = piece.args.get("keys", [])
    found = list(walk(lambda start: client.projects(start, keys)))
    skips: list[Skip] = []
    if keys:
        heads = [(read_shape(bytes(item), _Project), item) for item in found]
        wanted = {key.upper() for key in keys}
        chosen = [(head, item) for head, item in heads if {head.key.upper(), str(head.id)} & wanted]
        seen = {name for head, _ in chosen for name in (head.key.upper(), str(head.id))}
        skips = [missing(key) for key in keys if key.upper() not in seen]
        found = [item for _, item in chosen]
    records = raw_records("project", found, request=f"GET {API}/project/search")
    for record in records:
        record.scope = read_shape(record.payload, _Project).key
    if keys:
        return Fetched(records, expected={"project": len(records)}, skips=skips)
    return whole_list("project", records)


def missing(key: str) -> Skip:
    """A chosen project that the site does not show."""
    return Skip(
        key,
        f"Project {key} does not exist, is archived, or the token's account may not see it. Check the key, "
        "or give the account the permission Browse projects.",
    )


def fetch_fields(piece: Slice, context: Context) -> Fetched:
    """Every field of the site. One that is no longer there does no harm: no issue has it any more."""
    records = _directory(context, "field", "field")
    return Fetched(records, expected={"field": len(records)})


def fetch_issue_types(piece: Slice, context: Context) -> Fetched:
    """Every issue type that the account may see."""
    return whole_list("issue_type", _directory(context, "issue_type", "issuetype"))


def fetch_users(piece: Slice, context: Context) -> Fetched:
    """The user directory, where the account may see it; people also come with what they did."""
    client = JiraClient(context.http)
    try:
        records = raw_records("user", list(user_pages(client)), request=f"GET {API}/users/search")
    except (ForbiddenError, NotFoundError) as error:
        reason = "The account may not browse the user directory; people are taken from the issues instead."
        return Fetched(skips=[Skip("", f"{reason} {error}")])
    return Fetched(records, expected={"user": len(records)})


def user_pages(client: JiraClient) -> Iterator[msgspec.Raw]:
    """All users, up to the first empty page; each once."""
    seen: set[bytes] = set()
    start = 0
    while page := client.users(start):
        fresh = [user for user in page if bytes(user) not in seen]
        if not fresh:
            raise InvalidAnswerError("Jira gives the same page of the user directory again and again. Try later.")
        seen.update(bytes(user) for user in fresh)
        yield from fresh
        start += len(page)


def _directory(context: Context, entity: str, path: str) -> list[RawRecord]:
    items: Sequence[msgspec.Raw] = JiraClient(context.http).everything(path)
    return raw_records(entity, items, request=f"GET {API}/{path}")


def whole_list(entity: str, records: list[RawRecord]) -> Fetched:
    """Everything of one kind that the site has: what is stored and not among it is looked for."""
    listed = [Listed(entity, "", [record.external_id for record in records])]
    follow_ups = [Slice("unlisted", {"entity": entity})]
    return Fetched(records, follow_ups, {entity: len(records)}, listed=listed)


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {
    "account": fetch_account,
    "projects": fetch_projects,
    "fields": fetch_fields,
    "issue_types": fetch_issue_types,
    "users": fetch_users,
}
