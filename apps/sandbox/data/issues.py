"""What happens to an issue from its creation to its end? It passes statuses, sprints and people."""

from dataclasses import dataclass, field
from random import Random

from apps.sandbox.chance import source
from apps.sandbox.clock import DAY, END, HOUR, Calendar
from apps.sandbox.data.catalogue import (
    LABELS,
    PRIORITIES,
    RESOLUTIONS,
    SPRINT,
    SPRINT_LISTS,
    SampleIssueType,
    SampleProject,
    SampleStatus,
    sprint_index,
)
from apps.sandbox.data.corpus import Pen, Topic
from apps.sandbox.data.people import SamplePerson, Staff

# field, fieldtype, fieldId, from, fromString, to, toString
Item = tuple[str, str, str | None, str | None, str | None, str | None, str | None]
SPRINT_FIELD = "customfield_10020"
POINTS_FIELD = {"classic": "customfield_10031", "next-gen": "customfield_10016"}
POINTS_NAME = {"classic": "Story Points", "next-gen": "Story point estimate"}
EPIC_FIELD = "customfield_10014"
RANK_FIELD = "customfield_10019"
_POINTS = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0)


@dataclass(slots=True)
class SampleHistory:
    """One entry of a changelog."""

    at: int
    author: SamplePerson | None
    items: tuple[Item, ...]
    id: int = 0


@dataclass(slots=True)
class SampleComment:
    """A comment; its words follow from `seed`, unless `text` is set."""

    id: int
    author: SamplePerson | None
    created: int
    updated: int
    seed: int
    text: str | None = None


@dataclass(slots=True)
class SampleIssueLink:
    """A link between two issues; both have it. `is_outward` is true on the side that, for example, blocks."""

    id: int
    type_index: int
    other: "SampleIssue"
    is_outward: bool


@dataclass(slots=True)
class SampleWorklog:
    """Time that a person booked."""

    id: int
    author: SamplePerson
    started: int
    seconds: int


@dataclass(slots=True)
class SampleIssue:
    """An issue as it is now, and its histories, oldest first. `appendix` is a log at the end of its description."""

    id: int
    project: SampleProject
    number: int
    type: SampleIssueType
    topic: Topic
    seed: int
    summary: str
    created: int
    updated: int
    creator: SamplePerson
    reporter: SamplePerson | None
    status: SampleStatus
    status_since: int
    priority: int = 2
    assignee: SamplePerson | None = None
    resolution: int | None = None
    resolved: int | None = None
    points: float | None = None
    parent: "SampleIssue | None" = None
    has_legacy_epic: bool = False
    sprints: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    histories: list[SampleHistory] = field(default_factory=list)
    comments: list[SampleComment] = field(default_factory=list)
    links: list[SampleIssueLink] = field(default_factory=list)
    worklogs: list[SampleWorklog] = field(default_factory=list)
    subtasks: "list[SampleIssue]" = field(default_factory=list)
    revision: int = 0
    pulls: list[int] = field(default_factory=list)
    appendix: str = ""

    @property
    def key(self) -> str:
        """Its key in its present project."""
        return f"{self.project.key}-{self.number}"

    def record(self, at: int, author: SamplePerson | None, *items: Item) -> None:
        """Add a history; `update` orders and numbers the histories."""
        self.histories.append(SampleHistory(at, author, items))

    def update(self) -> None:
        """Sort the histories, number the new ones and bring `updated` up to date."""
        self.histories.sort(key=lambda h: h.at)
        following = max((h.id for h in self.histories), default=0) or self.id * 10_000
        latest = self.created
        for history in self.histories:
            if not history.id:
                following += 1
                history.id = following
            latest = max(latest, history.at)
        self.updated = max(self.updated, latest, *(c.updated for c in self.comments), self.created)


def plain(name: str, old: str | None, old_text: str | None, new: str | None, new_text: str | None) -> Item:
    """A change of a system field whose id is its name."""
    return (name, "jira", name, old, old_text, new, new_text)


def status_item(old: SampleStatus, new: SampleStatus) -> Item:
    """A change of the status."""
    return plain("status", old.id, old.name, new.id, new.name)


def assignee_item(old: SamplePerson | None, new: SamplePerson | None) -> Item:
    """A change of the assignee."""
    before = (old.account_id, old.name) if old else (None, None)
    after = (new.account_id, new.name) if new else (None, None)
    return plain("assignee", *before, *after)


class IssueSimulator:
    """Simulates one issue after the other, all from one seed."""

    def __init__(self, seed: int, staff: Staff, calendar: Calendar) -> None:
        self.seed = seed
        self.staff = staff
        self.calendar = calendar
        self._ids = {"comment": 20_000, "worklog": 30_000}

    def next_id(self, kind: str) -> int:
        """The next id of a kind of record."""
        self._ids[kind] += 1
        return self._ids[kind]

    def begin(
        self, issue_id: int, project: SampleProject, number: int, kind: SampleIssueType, topic: Topic, work: float
    ) -> SampleIssue:
        """A new issue at a work minute, with all that happened to it until now."""
        rng = source((self.seed << 40) + issue_id)
        pen = Pen(rng)
        people = self.staff.humans
        team = [people[(int(project.id) * 5 + i) % len(people)] for i in range(9)]
        reporter = people[int(rng.random() * len(people))]
        created = self.calendar.moment(work)
        issue = SampleIssue(
            issue_id, project, number, kind, topic, rng.getrandbits(40),
            _summary(pen, kind, topic), created, created, reporter,
            self.staff.former if rng.random() < 0.02 else reporter, project.stages[0], created,
            priority=min(4, max(0, int(rng.gauss(2.2, 0.9)))),
        )  # fmt: skip
        if rng.random() < 0.35:
            issue.labels = rng.sample(LABELS, 1 + (rng.random() < 0.3))
        self._work(issue, rng, team, work)
        self._talk(issue, rng, team, work, 0 if rng.random() < 0.2 else min(int(rng.expovariate(0.5)) + 1, 19))
        return issue

    def _work(self, issue: SampleIssue, rng: Random, team: list[SamplePerson], work: float) -> None:
        """Move the issue through the work flow until it ends or the time is over."""
        at = work + rng.expovariate(1 / (2.5 * DAY)) + 20
        if rng.random() < 0.06:
            at = END  # never started
        lead = team[0]
        self._groom(issue, rng, lead, work, min(at, END))
        if at >= END:
            return
        issue.assignee = team[int(rng.random() * len(team))]
        self._plan(issue, lead, at - 3, rng)
        self._walk(issue, rng, team, at)

    def _groom(self, issue: SampleIssue, rng: Random, lead: SamplePerson, work: float, until: float) -> None:
        """Add estimates, labels and better texts before the work begins."""
        if issue.type.level == 0 and rng.random() < 0.25:
            issue.points = _POINTS[int(rng.random() * len(_POINTS))]
            style = issue.project.style
            issue.record(
                self._at(work + (until - work) * rng.random() * 0.9, rng),
                lead,
                (POINTS_NAME[style], "custom", POINTS_FIELD[style], None, None, None, f"{issue.points:g}"),
            )
        if rng.random() < 0.08:
            new = 1 if issue.priority > 1 else 3
            old_id, old_name, _ = PRIORITIES[new]
            now_id, now_name, _ = PRIORITIES[issue.priority]
            issue.record(self._at(work + (until - work) * rng.random() * 0.9, rng), lead,
                         plain("priority", old_id, old_name, now_id, now_name))  # fmt: skip
        if rng.random() < 0.08:
            pen = Pen(rng)
            issue.record(
                self._at(work + (until - work) * rng.random() * 0.9, rng),
                issue.reporter,
                plain("description", None, pen.pick(issue.topic.symptoms), None, pen.pick(issue.topic.causes)),
            )
        if issue.labels and rng.random() < 0.3:
            issue.record(self._at(work + (until - work) * rng.random() * 0.9, rng), lead,
                         plain("labels", "", "", "", " ".join(issue.labels)))  # fmt: skip
        if rng.random() < 0.08:
            issue.record(self._at(work + (until - work) * rng.random() * 0.9, rng), lead,
                         ("Rank", "custom", RANK_FIELD, "", "", "", "Ranked higher"))  # fmt: skip

    def _plan(self, issue: SampleIssue, lead: SamplePerson, at: float, rng: Random) -> None:
        """Add the issue to the sprint that is active when the work begins."""
        if issue.project.has_sprints and issue.type.level == 0:
            self._into_sprint(issue, sprint_index(at), lead, self._at(at, rng))

    def _into_sprint(self, issue: SampleIssue, index: int, lead: SamplePerson | None, at: int) -> None:
        sprints = SPRINT_LISTS[issue.project.first_key]
        old_ids = ", ".join(str(sprints[i].id) for i in issue.sprints)
        old_names = ", ".join(sprints[i].name for i in issue.sprints)
        issue.sprints.append(index)
        new_ids = ", ".join(str(sprints[i].id) for i in issue.sprints)
        new_names = ", ".join(sprints[i].name for i in issue.sprints)
        issue.record(at, lead, ("Sprint", "custom", SPRINT_FIELD, old_ids, old_names, new_ids, new_names))

    def _walk(self, issue: SampleIssue, rng: Random, team: list[SamplePerson], at: float) -> None:
        """Move the issue stage by stage, sometimes back or to the parked status."""
        stages = issue.project.stages
        stage = 0
        taken: tuple[Item, ...] = (assignee_item(None, issue.assignee),)
        size = 1.0 + (issue.points or 2.0) / 4
        actor = issue.assignee
        while at < END and stage < len(stages) - 1:
            luck = rng.random()
            if luck < 0.035 and issue.project.dropped and stage < 2:
                self._finish(issue, rng, issue.project.dropped, at, team[0], resolution=1 + int(rng.random() * 3))
                return
            if luck < 0.09 and stage >= 1 and issue.project.parked:
                self._move(issue, issue.project.parked, at, actor, rng)
                at += rng.expovariate(1 / (1.5 * DAY)) + HOUR
                if at < END:
                    self._move(issue, stages[stage], at, actor, rng)
            elif luck < 0.16 and stage >= 2:
                stage = 1
                self._move(issue, stages[1], at, team[int(rng.random() * len(team))], rng)
            else:
                stage += 2 if stage == 2 and len(stages) == 5 and luck < 0.5 else 1
                if stage == len(stages) - 1:
                    self._finish(issue, rng, stages[-1], at, actor, resolution=0)
                    break
                self._move(issue, stages[stage], at, actor, rng, *taken)
                taken = ()
                if stage == 2 and rng.random() < 0.2:
                    actor = team[int(rng.random() * len(team))]
                    issue.record(self._at(at + 4, rng), issue.assignee, assignee_item(issue.assignee, actor))
                    issue.assignee = actor
            at += (rng.expovariate(1 / (1.3 * DAY)) + HOUR / 2) * size
        self._carry_over(issue, rng, team[0], min(at, END))

    def _carry_over(self, issue: SampleIssue, rng: Random, lead: SamplePerson, end: float) -> None:
        """Move an unfinished issue into the next sprint, at most four times."""
        if not issue.sprints:
            return
        while len(issue.sprints) < 5 and issue.sprints[-1] < sprint_index(end - 1):
            index = issue.sprints[-1] + 1
            self._into_sprint(issue, index, lead, self.calendar.moment((index - 0.5) * SPRINT) + rng.randrange(900_000))

    def _move(
        self, issue: SampleIssue, status: SampleStatus, at: float, actor: SamplePerson | None, rng: Random, *also: Item
    ) -> None:
        if status is not issue.status:
            moment = self._at(at, rng)
            issue.record(moment, actor, status_item(issue.status, status), *also)
            issue.status, issue.status_since = status, moment

    def _finish(
        self,
        issue: SampleIssue,
        rng: Random,
        status: SampleStatus,
        at: float,
        actor: SamplePerson | None,
        *,
        resolution: int,
    ) -> None:
        moment = self._at(at, rng)
        code, name, _ = RESOLUTIONS[resolution]
        issue.record(moment, actor, plain("resolution", None, None, code, name), status_item(issue.status, status))
        issue.status, issue.status_since, issue.resolution, issue.resolved = status, moment, resolution, moment

    def _talk(self, issue: SampleIssue, rng: Random, team: list[SamplePerson], work: float, count: int) -> None:
        """Add comments and booked hours between the creation and the last change."""
        last = max([issue.created + 7_200_000, *(h.at for h in issue.histories)])
        last = min(last, self.calendar.until - 60_000)
        for _ in range(count):
            self.comment(issue, rng, team, issue.created + int(rng.random() * max(1, last - issue.created)))
        issue.comments.sort(key=lambda c: c.created)
        if issue.assignee and rng.random() < 0.15:
            for _ in range(1 + int(rng.random() * 3)):
                started = issue.created + int(rng.random() * max(1, last - issue.created))
                issue.worklogs.append(SampleWorklog(self.next_id("worklog"), issue.assignee, started,
                                                    900 * (1 + int(rng.random() * 30))))  # fmt: skip

    def comment(self, issue: SampleIssue, rng: Random, team: list[SamplePerson], at: int) -> None:
        """Add one comment. Some comments have no author any more, some were edited later."""
        luck = rng.random()
        author: SamplePerson | None = team[int(rng.random() * len(team))]
        if luck < 0.03:
            author = self.staff.automation
        elif luck < 0.045:
            author = self.staff.former
        elif luck < 0.05:
            author = None
        elif luck < 0.055:
            author = self.staff.unknown
        edited = at + 60_000 * (1 + int(rng.random() * 50)) if rng.random() < 0.08 else at
        edited = min(edited, self.calendar.until)
        issue.comments.append(SampleComment(self.next_id("comment"), author, at, edited, rng.getrandbits(40)))

    def _at(self, work: float, rng: Random) -> int:
        return min(self.calendar.moment(work) + int(rng.random() * 59_999), self.calendar.until - 1)


def _summary(pen: Pen, kind: SampleIssueType, topic: Topic) -> str:
    if kind.level == 1:
        return pen.write(
            f"{topic.component}: {topic.name} " + pen.rng.choice(("for {region}", "milestone {n}", "{ver}"))
        )
    if kind.level == -1:
        return pen.pick(topic.fixes).rstrip(".")
    return pen.pick(topic.bugs if kind.untranslated in ("Bug", "Incident") else topic.stories + topic.bugs)
