"""Which rows do an issue, its links and its comments become?"""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.adf import plain_text
from apps.sources.jira.client import Id, IssueNamePayload, Payload
from apps.sources.jira.fields import SiteFields, site_fields
from apps.sources.jira.transform.people import JiraPersonPayload, person_id, user_rows
from apps.sources.jira.transform.site import IssueTypePayload, SprintPayload, StatusPayload
from apps.sources.rows import Issue, IssueComment, IssueLink, Row
from apps.sources.text import as_list, as_number, clean, parse_date, parse_time, read_json

_OLD_SPRINT = re.compile(r"\[.*?\bid=(\d+)")


class NamedPayload(Payload):
    """An object inside an issue: project, priority, component, parent."""

    id: Id | None = None
    name: str | None = None
    key: str | None = None


class LinkTypePayload(Payload):
    """The meaning of a link."""

    name: str | None = None
    outward: str | None = None


class LinkPayload(Payload, rename="camel"):
    """A link to another issue. It has only one of the two fields."""

    id: Id = ""
    type: LinkTypePayload | None = None
    outward_issue: NamedPayload | None = None
    inward_issue: NamedPayload | None = None


class JiraCommentPayload(Payload):
    """A comment, inside an issue or on its own."""

    id: Id
    author: JiraPersonPayload | None = None
    body: msgspec.Raw = msgspec.Raw()
    created: str | None = None
    updated: str | None = None

    def row(self, issue: str) -> IssueComment:
        """The row of a comment on ``issue``."""
        return IssueComment(
            external_id=str(self.id),
            issue=issue,
            author=person_id(self.author),
            body=plain_text(self.body),
            created_at=_time(self.created, "created"),
            updated_at=parse_time(self.updated),
        )


class CommentListPayload(Payload):
    """The comments inside an issue, perhaps only some of ``total``."""

    comments: list[JiraCommentPayload] = []
    total: int | None = None


class IssueFieldsPayload(Payload):
    """The fields that every site has. :func:`issue_decoder` adds the custom fields."""

    project: NamedPayload | None = None
    issuetype: IssueTypePayload | None = None
    status: StatusPayload | None = None
    summary: str | None = None
    description: msgspec.Raw = msgspec.Raw()
    priority: NamedPayload | None = None
    resolution: NamedPayload | None = None
    assignee: JiraPersonPayload | None = None
    reporter: JiraPersonPayload | None = None
    creator: JiraPersonPayload | None = None
    parent: NamedPayload | None = None
    labels: list[str] | None = None
    components: list[NamedPayload] | None = None
    issuelinks: list[LinkPayload] | None = None
    comment: CommentListPayload | None = None
    duedate: str | None = None
    created: str | None = None
    updated: str | None = None
    resolutiondate: str | None = None


@lru_cache(maxsize=16)
def issue_decoder(custom: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Reads an issue; the custom fields ``custom`` (ids) become attributes of ``fields``."""
    fields = msgspec.defstruct(
        "SiteIssueFields", [(i, Any, None) for i in custom], bases=(IssueFieldsPayload,), gc=False
    )
    shape = msgspec.defstruct("SiteIssue", [("id", Id), ("fields", fields), ("key", str, "")], gc=False)
    return msgspec.json.Decoder(shape)


def issue(record: SourceRecord, context: Context) -> Transformed:
    """An issue with its links, its embedded comments and its people."""
    custom = site_fields(context)
    found = _decode(record.payload, custom)
    name, fields = str(found.id), found.fields
    sprints = sprints_of(fields, custom)
    comments: list[JiraCommentPayload] = fields.comment.comments if fields.comment else []
    parent = _id(fields.parent) or _epic(fields, custom, context)
    key = present_key(found.key, fields.project, record.scope)
    rows: list[Row] = [issue_row(name, key, fields, custom, parent, list(sprints))]
    rows += link_rows(name, fields.issuelinks or [])
    rows += [comment.row(name) for comment in comments]
    people = [fields.assignee, fields.reporter, fields.creator, *(comment.author for comment in comments)]
    gap_rows = user_rows(people) + [sprint.row() for sprint in sprints.values() if sprint]
    gap_rows += [part.row() for part in (fields.status, fields.issuetype) if part and part.id]
    return Transformed(rows, gap_rows, _whole_lists(name, fields))


def present_key(key: str, project: NamedPayload | None, scope: str) -> str:
    """The key of an issue, with the present key of its project (``scope``): the record may hold an older one."""
    before = project.key if project else None
    return f"{scope}{key.removeprefix(before)}" if scope and before and key.startswith(f"{before}-") else key


def issue_row(name: str, key: str, fields: Any, custom: SiteFields, parent: str, sprints: list[str]) -> Issue:
    """The row of the issue itself."""
    status: StatusPayload | None = fields.status
    return Issue(
        external_id=name,
        key=clean(key),
        project=_id(fields.project),
        work_item_type=_id(fields.issuetype),
        status=_id(status),
        category=status.category if status else "",
        summary=clean(fields.summary),
        description=plain_text(fields.description),
        priority=_name(fields.priority),
        resolution=_name(fields.resolution),
        assignee=person_id(fields.assignee),
        reporter=person_id(fields.reporter),
        creator=person_id(fields.creator),
        parent=parent,
        story_points=_first_number(getattr(fields, i) for i in custom.story_points),
        labels=[clean(label) for label in fields.labels or []],
        components=[_name(component) for component in fields.components or []],
        sprints=sprints,
        due_on=parse_date(fields.duedate),
        created_at=_time(fields.created, "created"),
        updated_at=_time(fields.updated, "updated"),
        resolved_at=parse_time(fields.resolutiondate),
    )


def link_rows(name: str, links: Iterable[LinkPayload]) -> list[Row]:
    """Links, always in the outward direction. So both issues of a link give the same row."""
    rows: list[Row] = []
    for link in links:
        other = link.outward_issue or link.inward_issue
        if not link.id or not other or other.id is None:
            continue
        ends = (name, str(other.id)) if link.outward_issue else (str(other.id), name)
        verb = (link.type and (link.type.outward or link.type.name)) or ""
        rows.append(IssueLink(external_id=str(link.id), issue=ends[0], target=ends[1], name=clean(verb)))
    return rows


def comments(record: SourceRecord, context: Context) -> Transformed:
    """All comments of an issue that embeds only some of them."""
    found = read_json(record.payload, list[JiraCommentPayload])
    name = record.external_id
    return Transformed(
        [comment.row(name) for comment in found],
        user_rows(comment.author for comment in found),
        [Children(IssueComment, "issue", name)],
    )


def sprints_of(fields: Any, custom: SiteFields) -> dict[str, SprintPayload | None]:
    """The sprints of an issue by id. Old servers write each sprint as one string."""
    found: dict[str, SprintPayload | None] = {}
    for value in (getattr(fields, i) for i in custom.sprint):
        for item in as_list(value):
            if isinstance(item, dict) and item.get("id") is not None:
                found[str(item["id"])] = msgspec.convert(item, SprintPayload)
            elif isinstance(item, str) and (match := _OLD_SPRINT.search(item)):
                found[match[1]] = None
    return found


def _decode(payload: bytes, custom: SiteFields) -> Any:
    decoder = issue_decoder(custom.all)
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_json(payload, decoder.type)


def _whole_lists(name: str, fields: Any) -> list[Children]:
    """The lists of children that the issue contains completely."""
    whole = []
    if fields.issuelinks is not None:
        whole += [Children(IssueLink, "issue", name), Children(IssueLink, "target", name)]
    if fields.comment and fields.comment.total is not None and fields.comment.total <= len(fields.comment.comments):
        whole.append(Children(IssueComment, "issue", name))
    return whole


def _epic(fields: Any, custom: SiteFields, context: Context) -> str:
    """The epic of the old field Epic Link, "" for none. The field has the key; extraction has fetched the id."""
    key = next((clean(v) for v in (getattr(fields, i) for i in custom.epic_link) if isinstance(v, str)), "")
    if not key:
        return ""
    epic = context.memo(f"jira epic {key}", lambda: context.find("epic_link", key))
    return str(read_json(epic.payload, IssueNamePayload).id) if epic else key


def _first_number(values: Iterable[object]) -> float | None:
    return next((number for number in map(as_number, values) if number is not None), None)


def _time(value: str | None, field: str) -> datetime:
    moment = parse_time(value)
    if moment is None:
        raise ValueError(f"The field {field!r} has {value!r} instead of a time.")
    return moment


def _id(part: NamedPayload | IssueTypePayload | StatusPayload | None) -> str:
    return "" if part is None or part.id is None else str(part.id)


def _name(part: NamedPayload | None) -> str:
    return clean(part.name) if part else ""
