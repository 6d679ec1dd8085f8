"""Which issues does the Jira site have, and how are they related?"""

from bisect import bisect
from dataclasses import replace
from itertools import accumulate, chain

from apps.sandbox.chance import source
from apps.sandbox.clock import END, Calendar
from apps.sandbox.data.catalogue import LINK_TYPES, PROJECTS, WORKED, SampleIssueType, SampleProject
from apps.sandbox.data.corpus import NASTY, Pen, topics
from apps.sandbox.data.issues import (
    EPIC_FIELD,
    RANK_FIELD,
    SPRINT_FIELD,
    IssueSimulator,
    Item,
    SampleIssue,
    SampleIssueLink,
    plain,
)
from apps.sandbox.data.people import Staff

FIRST_ISSUE = 10_000
_TYPE_WEIGHTS = {
    "Epic": 4,
    "Story": 28,
    "Task": 25,
    "Sub-task": 11,
    "Subtask": 11,
    "Bug": 28,
    "Spike": 3,
    "Incident": 3,
}
SHARED_FLOW = ("PAY", "CHK", "IDN", "MOB")


class SampleSite:
    """All issues by id and key. `moved` maps old keys to ids, `deleted` has the ids of deleted issues.

    `projects` are the projects with their present keys.
    """

    def __init__(self, seed: int, size: int, staff: Staff, calendar: Calendar) -> None:
        self.staff = staff
        self.calendar = calendar
        self.simulator = IssueSimulator(seed, staff, calendar)
        self.projects = list(PROJECTS)
        self.by_id: dict[int, SampleIssue] = {}
        self.by_key: dict[str, SampleIssue] = {}
        self.moved: dict[str, int] = {}
        self.deleted: list[int] = []
        self.version = 0
        self._numbers = {p.key: 0 for p in WORKED}
        self._last_id = FIRST_ISSUE
        self._link_id = 40_000
        self._recent: dict[str, list[SampleIssue]] = {p.key: [] for p in WORKED}
        self._rng = source(seed)
        self._populate(size)

    def _populate(self, size: int) -> None:
        rng = self._rng
        limits = list(accumulate(p.weight for p in WORKED))
        for index in range(size):
            if rng.random() < 0.006:
                self._skip(WORKED[bisect(limits, rng.random() * limits[-1])])
            project = WORKED[bisect(limits, rng.random() * limits[-1])]
            issue = self.add(project, (index + rng.random()) / size * END * 0.999)
            self._relate(issue)
        issues = list(self.by_id.values())
        self._overload(issues)
        for issue in issues[5 :: max(50, size // 6)][:8]:
            if issue.project.key in SHARED_FLOW:
                at = min(issue.created + int(rng.random() * 40 * 86_400_000), self.calendar.until - 1)
                self.move(issue, SHARED_FLOW[(SHARED_FLOW.index(issue.project.key) + 1) % 4], at)
        self._spoil(issues)
        for issue in issues:
            issue.update()

    def add(self, project: SampleProject, work: float) -> SampleIssue:
        """Create the next issue of a project at a work minute."""
        rng = self._rng
        self._last_id += 1
        self._numbers[project.first_key] += 1
        kind = self._kind(project)
        subjects = topics(project.first_key)
        issue = self.simulator.begin(self._last_id, project, self._numbers[project.first_key], kind,
                                      subjects[int(rng.random() * len(subjects))], work)  # fmt: skip
        self.by_id[issue.id] = issue
        self.by_key[issue.key] = issue
        return issue

    def _kind(self, project: SampleProject) -> SampleIssueType:
        weights = [_TYPE_WEIGHTS[t.untranslated] for t in project.types]
        kind = self._rng.choices(project.types, weights)[0]
        if kind.level == -1 and not any(i.type.level == 0 for i in self._recent[project.first_key][-40:]):
            return next(t for t in project.types if t.level == 0)
        return kind

    def _skip(self, project: SampleProject) -> None:
        """Skip the id and number of an issue that was deleted long ago."""
        self._last_id += 1
        self._numbers[project.key] += 1
        self.deleted.append(self._last_id)

    def _relate(self, issue: SampleIssue) -> None:
        """Choose parent, epic and links among the recent issues of the project."""
        rng = self._rng
        recent = self._recent[issue.project.first_key]
        near = recent[-40:]
        if issue.type.level == -1:
            self._adopt(issue, [i for i in near if i.type.level == 0])
        elif issue.type.level == 0 and rng.random() < 0.55:
            self._adopt(issue, [i for i in recent[-120:] if i.type.level == 1])
        if near and rng.random() < 0.12:
            other = near[int(rng.random() * len(near))]
            at = min(issue.created + int(rng.random() * 3 * 86_400_000), self.calendar.until - 1)
            self.link(issue, other, int(rng.random() * len(LINK_TYPES)), at)
        recent.append(issue)

    def _adopt(self, issue: SampleIssue, parents: list[SampleIssue]) -> None:
        if not parents:
            return
        parent = parents[-1 - int(self._rng.random() * min(4, len(parents)))]
        issue.parent = parent
        parent.subtasks.append(issue)
        if issue.type.level == 0 and self._rng.random() < 0.35:
            issue.has_legacy_epic = issue.project.style == "classic" and self._rng.random() < 0.6
            change: Item = ("IssueParentAssociation", "jira", None, None, None, str(parent.id), parent.key)
            if issue.has_legacy_epic:
                change = ("Epic Link", "custom", EPIC_FIELD, None, None, str(parent.id), parent.key)
            issue.record(min(issue.created + 900_000, self.calendar.until - 1), issue.reporter, change)

    def link(self, issue: SampleIssue, other: SampleIssue, kind: int, at: int) -> None:
        """Link two issues; both store the link and both change."""
        self._link_id += 1
        _, _, inward, outward = LINK_TYPES[kind]
        issue.links.append(SampleIssueLink(self._link_id, kind, other, is_outward=True))
        other.links.append(SampleIssueLink(self._link_id, kind, issue, is_outward=False))
        issue.record(at, issue.reporter,
                     ("Link", "jira", None, None, None, other.key, f"This issue {outward} {other.key}"))  # fmt: skip
        other.record(at, issue.reporter,
                     ("Link", "jira", None, None, None, issue.key, f"This issue {inward} {issue.key}"))  # fmt: skip

    def move(self, issue: SampleIssue, target: str, at: int) -> str:
        """Move an issue to another project with the same work flow, named by its first key; return its old key."""
        project = next(p for p in self.projects if p.first_key == target)
        old, source = issue.key, issue.project
        self._numbers[target] += 1
        issue.project, issue.number = project, self._numbers[target]
        issue.sprints = []
        del self.by_key[old]
        self.by_key[issue.key] = issue
        self.moved[old] = issue.id
        issue.record(at, issue.reporter, plain("project", source.id, source.name, project.id, project.name),
                     ("Key", "jira", None, None, old, None, issue.key),
                     ("Sprint", "custom", SPRINT_FIELD, "", "", "", ""))  # fmt: skip
        return old

    def delete(self, issue: SampleIssue) -> list[SampleIssue]:
        """Remove an issue with its sub-tasks, its links and its place in its parent; return the removed issues.

        The issues of an epic stay; they lose their parent, and no history says so.
        """
        removed = [issue]
        for child in list(issue.subtasks):
            if child.type.level == -1:
                removed += self.delete(child)
            else:
                child.parent = None
        del self.by_id[issue.id]
        del self.by_key[issue.key]
        self.moved = {k: v for k, v in self.moved.items() if v != issue.id}
        self.deleted.append(issue.id)
        for link in issue.links:
            link.other.links = [x for x in link.other.links if x.id != link.id]
        if issue.parent:
            issue.parent.subtasks.remove(issue)
        return removed

    def find(self, id_or_key: str) -> SampleIssue | None:
        """The issue with this id or key, or with a key from before it was moved or its project's key changed."""
        if id_or_key.isdigit():
            return self.by_id.get(int(id_or_key))
        prefix, _, number = id_or_key.upper().partition("-")
        project = self.find_project(prefix)
        keys = [f"{key}-{number}" for key in (prefix, *project.former_keys, project.key)] if project else []
        found = (self.by_key.get(key) or self.by_id.get(self.moved.get(key, 0)) for key in keys)
        return next(filter(None, found), None)

    def find_project(self, id_or_key: str) -> SampleProject | None:
        """The project with this id or key, or the one that had this key before."""
        name = id_or_key.upper()
        present = (p for p in self.projects if name in (p.key, p.id))
        former = (p for p in self.projects if name in p.former_keys)
        return next(chain(present, former), None)

    def rename_project(self, project: SampleProject, key: str) -> SampleProject:
        """Change the key of a project. Its issues get new keys; no time of change and no history says so."""
        renamed = replace(project, key=key, former_keys=(*project.former_keys, project.key))
        self.projects[self.projects.index(project)] = renamed
        for issue in [issue for issue in self.by_id.values() if issue.project is project]:
            del self.by_key[issue.key]
            issue.project = renamed
            self.by_key[issue.key] = issue
        return renamed

    def _overload(self, issues: list[SampleIssue]) -> None:
        """Give some issues more histories, comments and booked hours than one page can contain."""
        busy = issues[3 :: max(6, len(issues) // max(3, len(issues) // 1500))]
        for position, issue in enumerate(busy):
            target = 250 if position == 0 else 101 + int(self._rng.random() * 60)
            self._fill(issue, target)
            for _ in range(25 + int(self._rng.random() * 100)):
                self.simulator.comment(issue, self._rng, list(self.staff.humans), self._moment(issue))
            issue.comments.sort(key=lambda c: c.created)

    def _fill(self, issue: SampleIssue, target: int) -> None:
        pen = Pen(self._rng)
        number = 0
        while len(issue.histories) < target:
            number += 1
            pen.renew()
            words = pen.pick(issue.topic.fixes)
            change: Item = (
                ("Rank", "custom", RANK_FIELD, "", "", "", "Ranked higher") if number % 3 else
                ("RemoteIssueLink", "jira", None, None, None, str(17_000 + number), f'This issue links to "{words}"')
            )  # fmt: skip
            issue.record(self._moment(issue), issue.creator, change)

    def _moment(self, issue: SampleIssue) -> int:
        return issue.created + int(self._rng.random() * (self.calendar.until - 1 - issue.created))

    def _spoil(self, issues: list[SampleIssue]) -> None:
        """Put difficult texts into some issues and comments, and remove the author of some changes."""
        for issue in issues[7::61]:
            for history in issue.histories[:1]:
                history.author = None
        for position, text in enumerate(NASTY):
            victim = issues[(position * 2 + 1) * len(issues) // (2 * len(NASTY) + 1)]
            victim.summary = text[:255] if position < 4 else (text * 2)[:255]
            if victim.comments:
                victim.comments[0].text = text
