"""How does an issue become JSON, and which of its fields does a caller want?"""

from dataclasses import dataclass
from typing import Any

import msgspec

from apps.sandbox.clock import jira_stamp
from apps.sandbox.data.issues import (
    EPIC_FIELD,
    POINTS_FIELD,
    RANK_FIELD,
    SPRINT_FIELD,
    SampleComment,
    SampleHistory,
    SampleIssue,
    SampleIssueLink,
)
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json, encode, join
from apps.sandbox.jira import adf
from apps.sandbox.jira.shapes import JiraShapes

DEVELOPMENT_FIELD = "customfield_10000"
EMBEDDED_COMMENTS = 20
EMBEDDED_WORKLOGS = 20
EMBEDDED_HISTORIES = 40
_NOT_NAVIGABLE = frozenset({"comment", "worklog", "attachment", "timetracking", "issuerestriction"})
_EXPAND = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
EMPTY_FIELDS = tuple(f"customfield_{10034 + i}" for i in range(30))


@dataclass(frozen=True)
class Selection:
    """The fields of an answer: all, all navigable ones or some, minus others; with or without the changelog."""

    names: frozenset[str]
    with_everything: bool = False
    with_navigable: bool = False
    without: frozenset[str] = frozenset()
    with_changelog: bool = False

    @classmethod
    def of(cls, fields: list[str], expand: list[str]) -> "Selection":
        """The selection of the parameters `fields` and `expand`, which are already split."""
        plain = frozenset(f for f in fields if f and f[0] not in "*-")
        only_minus = not plain and any(f.startswith("-") for f in fields)
        return cls(plain, "*all" in fields or only_minus, "*navigable" in fields,
                   frozenset(f[1:] for f in fields if f.startswith("-")), "changelog" in expand)  # fmt: skip

    @property
    def has_only_ids(self) -> bool:
        """Whether it selects only id and key; then a page may have thousands of issues."""
        return not (self.with_everything or self.with_navigable or self.with_changelog) and self.names <= {"id", "key"}

    def is_wanted(self, name: str) -> bool:
        """Whether a field belongs to the answer."""
        if name in self.without:
            return False
        return self.with_everything or name in self.names or (self.with_navigable and name not in _NOT_NAVIGABLE)


class Records:
    """The encoded records of a site. Each is made at the first request and stored until its issue changes."""

    def __init__(self, world: World, shapes: JiraShapes) -> None:
        self.world = world
        self.shapes = shapes
        self._issues: dict[int, dict[Selection, bytes]] = {}
        self._histories: dict[int, list[bytes]] = {}

    def forget(self, issue: SampleIssue) -> None:
        """Delete the stored records of a changed issue."""
        self._issues.pop(issue.id, None)
        self._histories.pop(issue.id, None)

    def issue(self, issue: SampleIssue, selection: Selection) -> bytes:
        """One issue as search, bulk fetch and single GET show it."""
        kept = self._issues.setdefault(issue.id, {})
        if selection not in kept:
            kept[selection] = self._make(issue, selection)
        return kept[selection]

    def _make(self, issue: SampleIssue, selection: Selection) -> bytes:
        if selection.has_only_ids and "key" not in selection.names:
            return b'{"id":"%d"}' % issue.id
        shape: Json = {"expand": _EXPAND, "id": str(issue.id), "self": f"{self.shapes.api}/issue/{issue.id}",
                       "key": issue.key}  # fmt: skip
        if not selection.has_only_ids:
            fields = self.fields(issue, selection)
            shape["fields"] = {k: v for k, v in fields.items() if selection.is_wanted(k)}
        if selection.with_changelog:
            newest = self.histories(issue)[::-1][:EMBEDDED_HISTORIES]
            shape["changelog"] = {"startAt": 0, "maxResults": len(newest), "total": len(issue.histories),
                                  "histories": msgspec.Raw(join(newest))}  # fmt: skip
        return encode(shape)

    def fields(self, issue: SampleIssue, selection: Selection) -> Json:
        """All fields; expensive ones only when they are wanted."""
        shapes = self.shapes
        fields: Json = {
            "statuscategorychangedate": jira_stamp(issue.status_since),
            "issuetype": shapes.type_raw(issue.type),
            "project": shapes.project_raw(issue.project),
            "fixVersions": [],
            "resolution": None if issue.resolution is None else shapes.resolution_raw(issue.resolution),
            "resolutiondate": jira_stamp(issue.resolved) if issue.resolved else None,
            "workratio": -1,
            "watches": {
                "self": f"{shapes.api}/issue/{issue.key}/watchers",
                "watchCount": issue.seed % 5,
                "isWatching": False,
            },
            "lastViewed": None,
            "created": jira_stamp(issue.created),
            "priority": shapes.priority_raw(issue.priority),
            "labels": issue.labels,
            "versions": [],
            "issuelinks": [self._link(link) for link in issue.links],
            "assignee": shapes.person_raw(issue.assignee),
            "updated": jira_stamp(issue.updated),
            "status": shapes.status_raw(issue.status),
            "components": [self._component(issue)],
            "description": adf.description(issue) if selection.is_wanted("description") else None,
            "security": None,
            "attachment": [],
            "summary": issue.summary,
            "creator": shapes.person_raw(issue.creator),
            "subtasks": [self._short(child) for child in issue.subtasks if child.type.level == -1],
            "reporter": shapes.person_raw(issue.reporter),
            "environment": None,
            "duedate": None,
            "votes": {"self": f"{shapes.api}/issue/{issue.key}/votes", "votes": 0, "hasVoted": False},
        }
        fields |= _times(issue) | self._custom(issue)
        if issue.parent and not issue.has_legacy_epic:
            fields["parent"] = self._short(issue.parent)
        if selection.is_wanted("comment"):
            fields["comment"] = self._comments(issue)
        if selection.is_wanted("worklog"):
            fields["worklog"] = self._worklogs(issue)
        return fields

    def _custom(self, issue: SampleIssue) -> Json:
        classic = issue.project.style == "classic"
        fields: Json = dict.fromkeys(EMPTY_FIELDS)
        fields |= {
            DEVELOPMENT_FIELD: self.world.development_string(issue),
            "customfield_10001": None,
            EPIC_FIELD: issue.parent.key if issue.parent and issue.type.level == 0 and classic else None,
            "customfield_10015": None,
            POINTS_FIELD["next-gen"]: None,
            POINTS_FIELD["classic"]: None,
            RANK_FIELD: f"0|i{issue.id:05x}:",
            SPRINT_FIELD: [self.shapes.sprint_raw(issue.project.first_key, i) for i in issue.sprints] or None,
            "customfield_10021": None,
        }
        fields[POINTS_FIELD[issue.project.style]] = issue.points
        return fields

    def _component(self, issue: SampleIssue) -> Json:
        number = 10_000 + sum(issue.topic.component.encode())
        return {"self": f"{self.shapes.api}/component/{number}", "id": str(number), "name": issue.topic.component}

    def _short(self, issue: SampleIssue) -> Json:
        """An issue inside another one."""
        shapes = self.shapes
        return {"id": str(issue.id), "key": issue.key, "self": f"{shapes.api}/issue/{issue.id}",
                "fields": {"summary": issue.summary, "status": shapes.status_raw(issue.status),
                           "priority": shapes.priority_raw(issue.priority),
                           "issuetype": shapes.type_raw(issue.type)}}  # fmt: skip

    def _link(self, link: SampleIssueLink) -> Json:
        side = "outwardIssue" if link.is_outward else "inwardIssue"
        return {"id": str(link.id), "self": f"{self.shapes.api}/issueLink/{link.id}",
                "type": self.shapes.link_type_raw(link.type_index), side: self._short(link.other)}  # fmt: skip

    def _comments(self, issue: SampleIssue) -> Json:
        shown = issue.comments[:EMBEDDED_COMMENTS]
        return {
            "comments": [self.comment(c, issue) for c in shown],
            "self": f"{self.shapes.api}/issue/{issue.id}/comment",
            "maxResults": len(shown),
            "total": len(issue.comments),
            "startAt": 0,
        }

    def comment(self, comment: SampleComment, issue: SampleIssue) -> Json:
        """One comment; without `author` where Jira lost it."""
        shapes = self.shapes
        shape: Json = {"self": f"{shapes.api}/issue/{issue.id}/comment/{comment.id}", "id": str(comment.id)}
        if comment.author:
            shape |= {"author": shapes.person_raw(comment.author), "updateAuthor": shapes.person_raw(comment.author)}
        return shape | {"body": adf.comment_body(comment, issue, self.world.staff),
                        "created": jira_stamp(comment.created), "updated": jira_stamp(comment.updated),
                        "jsdPublic": True}  # fmt: skip

    def _worklogs(self, issue: SampleIssue) -> Json:
        shown = self.worklogs(issue)[:EMBEDDED_WORKLOGS]
        return {"startAt": 0, "maxResults": 20, "total": len(issue.worklogs), "worklogs": shown}

    def worklogs(self, issue: SampleIssue) -> list[Json]:
        """The booked hours of an issue."""
        shapes = self.shapes
        return [
            {"self": f"{shapes.api}/issue/{issue.id}/worklog/{w.id}", "author": shapes.person_raw(w.author),
             "updateAuthor": shapes.person_raw(w.author), "created": jira_stamp(w.started),
             "updated": jira_stamp(w.started), "started": jira_stamp(w.started),
             "timeSpent": f"{w.seconds // 3600}h {w.seconds // 60 % 60}m", "timeSpentSeconds": w.seconds,
             "id": str(w.id), "issueId": str(issue.id)}
            for w in issue.worklogs
        ]  # fmt: skip

    def histories(self, issue: SampleIssue) -> list[bytes]:
        """The encoded entries of the changelog, oldest first."""
        kept = self._histories.get(issue.id)
        if kept is None:
            kept = self._histories[issue.id] = [self._history(h) for h in issue.histories]
        return kept

    def _history(self, history: SampleHistory) -> bytes:
        shape: dict[str, Any] = {"id": str(history.id)}
        if history.author:
            shape["author"] = self.shapes.person_raw(history.author)
        shape["created"] = jira_stamp(history.at)
        items = []
        for name, kind, field_id, old, old_text, new, new_text in history.items:
            item: Json = {"field": name, "fieldtype": kind}
            if field_id:
                item["fieldId"] = field_id
            items.append(item | {"from": old, "fromString": old_text, "to": new, "toString": new_text})
        return encode(shape | {"items": items})


def _times(issue: SampleIssue) -> Json:
    """Booked and estimated time; here nobody estimates hours."""
    seconds = sum(w.seconds for w in issue.worklogs)
    progress = {"progress": seconds, "total": seconds}
    estimates = ("timeestimate", "aggregatetimeoriginalestimate", "timeoriginalestimate", "aggregatetimeestimate")
    return dict.fromkeys(estimates) | {
        "timespent": seconds or None,
        "aggregatetimespent": seconds or None,
        "timetracking": {"timeSpentSeconds": seconds} if seconds else {},
        "progress": progress,
        "aggregateprogress": progress,
    }
