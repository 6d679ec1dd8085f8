"""Which rows do an issue, its links and its comments become?"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.adf import plain_text
from apps.sources.jira.client import IssueNamePayload, Payload, has_all_comments
from apps.sources.jira.fields import SiteFields, site_fields
from apps.sources.jira.transform.people import JiraPersonPayload, person_id, user_rows
from apps.sources.jira.transform.site import IssueTypePayload, SprintPayload, StatusPayload
from apps.sources.reading import Id, Integer, Name, note_odd_value, read_json
from apps.sources.rows import Issue, IssueComment, IssueLink, Row
from apps.sources.text import as_number, clean, utc

_OLD_SPRINT = re.compile(r"\[.*?\bid=(\d{1,18})\b")
_OLD_SPRINT_LENGTH = 1000  # characters that are searched for the id


class NamedPayload(Payload):
    """An object inside an issue that is known by its name: priority, resolution, component."""

    name: str


class ReferencePayload(Payload):
    """An object that an issue refers to by its id: project, parent, linked issue."""

    id: Id | None
    key: Name | None = None


class LinkTypePayload(Payload):
    """The meaning of a link."""

    outward: str | None
    name: str | None = None


class LinkPayload(Payload, rename="camel"):
    """A link to another issue. It has only one of the two fields."""

    id: Id
    type: LinkTypePayload | None = None
    outward_issue: ReferencePayload | None = None
    inward_issue: ReferencePayload | None = None


class JiraCommentPayload(Payload):
    """A comment, inside an issue or on its own."""

    id: Id
    author: JiraPersonPayload | None = None
    body: msgspec.Raw = msgspec.Raw()
    created: datetime | None = None
    updated: datetime | None = None

    def row(self, issue: str) -> IssueComment:
        """The row of a comment on ``issue``."""
        return IssueComment(
            external_id=clean(self.id),
            issue=issue,
            author=person_id(self.author),
            body=plain_text(self.body, "comments[].body"),
            created_at=utc(self.created),
            updated_at=utc(self.updated),
        )


class CommentListPayload(Payload):
    """The comments inside an issue, perhaps only some of ``total``."""

    comments: list[JiraCommentPayload | None]
    total: Integer | None = None


class IssueFieldsPayload(Payload):
    """The fields that every site has. :func:`issue_shape` adds the custom fields."""

    project: ReferencePayload | None = None
    issuetype: IssueTypePayload | None = None
    status: StatusPayload | None = None
    summary: str | None = None
    description: msgspec.Raw = msgspec.Raw()
    priority: NamedPayload | None = None
    resolution: NamedPayload | None = None
    assignee: JiraPersonPayload | None = None
    reporter: JiraPersonPayload | None = None
    creator: JiraPersonPayload | None = None
    parent: ReferencePayload | None = None
    labels: list[str] | None = None
    components: list[NamedPayload] | None = None
    issuelinks: list[LinkPayload | None] | None = None
    comment: CommentListPayload | None = None
    duedate: date | None = None
    created: datetime | None = None
    updated: datetime | None = None
    resolutiondate: datetime | None = None


@lru_cache(maxsize=16)
def issue_shape(custom: SiteFields) -> Any:
    """The shape of an issue; the custom fields become attributes of ``fields``, named by their ids."""
    types: dict[str, Any] = dict.fromkeys(custom.all, Any) | dict.fromkeys(custom.epic_link, str | None)
    types |= dict.fromkeys(custom.sprint, list[SprintPayload | str | None] | None)
    fields = msgspec.defstruct(
        "SiteIssueFields", [(i, kind, None) for i, kind in types.items()], bases=(IssueFieldsPayload,), gc=False
    )
    return msgspec.defstruct("SiteIssue", [("fields", fields), ("key", Name, "")], gc=False)


def issue(record: SourceRecord, context: Context) -> Transformed:
    """An issue with its links, its embedded comments and its people."""
    custom = site_fields(context)
    found = read_json(record.payload, issue_shape(custom))
    name, fields = record.external_id, found.fields
    sprints = sprints_of(fields, custom)
    comments: list[JiraCommentPayload] = [item for item in fields.comment.comments if item] if fields.comment else []
    links = link_rows(name, fields.issuelinks or [])
    parent = _id(fields.parent) or _epic(fields, custom, context)
    key = present_key(found.key, fields.project, record.scope)
    rows: list[Row] = [issue_row(name, key, fields, custom, parent, list(sprints))]
    rows += links
    rows += [comment.row(name) for comment in comments]
    people = [fields.assignee, fields.reporter, fields.creator, *(comment.author for comment in comments)]
    gap_rows = user_rows(people) + [sprint.row() for sprint in sprints.values() if sprint]
    gap_rows += [part.row(clean(part.id)) for part in (fields.status, fields.issuetype) if part and part.id]
    return Transformed(rows, gap_rows, _whole_lists(name, fields, len(links)))


def present_key(key: str, project: ReferencePayload | None, scope: str) -> str:
    """The key of an issue, with the present key of its project (``scope``): the record may hold an older one."""
    before = project.key if project else None
    return f"{scope}{key.removeprefix(before)}" if scope and before and key.startswith(f"{before}-") else key


def issue_row(external_id: str, key: str, fields: Any, custom: SiteFields, parent: str, sprints: list[str]) -> Issue:
    """The row of the issue itself."""
    status: StatusPayload | None = fields.status
    return Issue(
        external_id=external_id,
        key=clean(key),
        project=_id(fields.project),
        work_item_type=_id(fields.issuetype),
        status=_id(status),
        category=status.category if status else "",
        summary=clean(fields.summary),
        description=plain_text(fields.description, "fields.description"),
        priority=_name(fields.priority),
        resolution=_name(fields.resolution),
        assignee=person_id(fields.assignee),
        reporter=person_id(fields.reporter),
        creator=person_id(fields.creator),
        parent=parent,
        story_points=_points({i: getattr(fields, i) for i in custom.story_points}),
        labels=[clean(label) for label in fields.labels or []],
        components=[name for component in fields.components or [] if (name := _name(component))],
        sprints=sprints,
        comment_count=fields.comment.total if fields.comment else None,
        due_on=fields.duedate,
        created_at=utc(fields.created),
        updated_at=utc(fields.updated),
        resolved_at=utc(fields.resolutiondate),
    )


def link_rows(name: str, links: Iterable[LinkPayload | None]) -> list[Row]:
    """Links, always in the outward direction. So both issues of a link give the same row."""
    rows: list[Row] = []
    for link in links:
        other = link and (link.outward_issue or link.inward_issue)
        if not link or not other or other.id is None:
            continue
        ends = (name, clean(other.id)) if link.outward_issue else (clean(other.id), name)
        verb = (link.type and (link.type.outward or link.type.name)) or ""
        rows.append(IssueLink(external_id=clean(link.id), issue=ends[0], target=ends[1], name=clean(verb)))
    return rows


def comments(record: SourceRecord, context: Context) -> Transformed:
    """All comments of an issue that embeds only some of them."""
    entries = read_json(record.payload, list[JiraCommentPayload | None])
    found = [comment for comment in entries if comment]
    name = record.external_id
    return Transformed(
        [comment.row(name) for comment in found],
        user_rows(comment.author for comment in found),
        [Children(IssueComment, "issue", name)] if len(found) == len(entries) else [],
    )


def sprints_of(fields: Any, custom: SiteFields) -> dict[str, SprintPayload | None]:
    """The sprints of an issue by id. Old servers write each sprint as one string."""
    found: dict[str, SprintPayload | None] = {}
    for item in (item for i in custom.sprint for item in getattr(fields, i) or []):
        if isinstance(item, SprintPayload):
            found[clean(item.id)] = item
        elif item and (match := _OLD_SPRINT.search(item, 0, _OLD_SPRINT_LENGTH)):
            found[match[1]] = None
        elif item:
            note_odd_value("a sprint without an id")
    return found


def _whole_lists(name: str, fields: Any, links: int) -> list[Children]:
    """The lists of children that the issue contains completely; ``links`` of its links could be read."""
    whole = []
    if fields.issuelinks is not None and links == len(fields.issuelinks):
        whole += [Children(IssueLink, "issue", name), Children(IssueLink, "target", name)]
    listed: CommentListPayload | None = fields.comment
    if listed and has_all_comments(len(listed.comments), listed.total) and None not in listed.comments:
        whole.append(Children(IssueComment, "issue", name))
    return whole


def _epic(fields: Any, custom: SiteFields, context: Context) -> str:
    """The epic of the old field Epic Link, "" for none. The field has the key; extraction has fetched the id."""
    key = next((clean(v) for v in (getattr(fields, i) for i in custom.epic_link) if v), "")
    if not key:
        return ""
    known: dict[str, str] = context.memo("jira epics", dict)
    if key not in known and (epic := context.find("epic_link", key)):
        known[key] = clean(read_json(epic.payload, IssueNamePayload).id)
    return known.get(key, key)


def _points(values: Mapping[str, object]) -> float | None:
    """The first number that is not 0: a field that nobody uses any more may have kept its 0. An option has a value."""
    numbers = list[float]()
    for field, option in values.items():
        value = option.get("value") if isinstance(option, dict) else option
        number = as_number(value)
        if number is not None:
            numbers.append(number)
        elif option not in (None, ""):
            note_odd_value(f"fields.{field}")
    return next(filter(None, numbers), 0.0 if numbers else None)


def _id(part: ReferencePayload | IssueTypePayload | StatusPayload | None) -> str:
    return clean(part.id) if part else ""


def _name(part: NamedPayload | None) -> str:
    return clean(part.name) if part else ""
