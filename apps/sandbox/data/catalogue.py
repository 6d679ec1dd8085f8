"""Which projects, statuses, issue types, priorities, sprints and repositories does the sample company have?"""

from dataclasses import dataclass
from typing import Literal

from apps.sandbox.clock import WEEK, WEEKS

Category = Literal["new", "indeterminate", "done"]
SPRINT = 2 * WEEK
SPRINTS = WEEKS // 2 + 2  # the second to last is active, the last is planned


@dataclass(frozen=True, slots=True)
class SampleStatus:
    """A Jira status; `scope` is the id of its team-managed project."""

    id: str
    name: str
    untranslated: str
    category: Category
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class SampleIssueType:
    """A Jira issue type; `level` 1 is an epic, -1 a sub-task."""

    id: str
    name: str
    untranslated: str
    level: int
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class SampleProject:
    """A Jira project. Issues pass its `stages` in order; `parked` and `dropped` are outside of that order."""

    id: str
    key: str
    name: str
    style: Literal["classic", "next-gen"]
    board: Literal["scrum", "kanban", "simple"]
    board_id: int
    weight: int
    stages: tuple[SampleStatus, ...]
    parked: SampleStatus | None
    dropped: SampleStatus | None
    types: tuple[SampleIssueType, ...]
    repository: str
    archived: bool = False
    former_keys: tuple[str, ...] = ()

    @property
    def first_key(self) -> str:
        """The key that it was created with; the sample data is chosen by it."""
        return (*self.former_keys, self.key)[0]

    @property
    def has_sprints(self) -> bool:
        """Whether its board has sprints."""
        return self.board != "kanban"

    @property
    def statuses(self) -> tuple[SampleStatus, ...]:
        """Every status that its issues can have."""
        return self.stages + tuple(s for s in (self.parked, self.dropped) if s)


_TODO = SampleStatus("10000", "To Do", "To Do", "new")
_PROGRESS = SampleStatus("3", "In Progress", "In Progress", "indeterminate")
_REVIEW = SampleStatus("10002", "In Review", "In Review", "indeterminate")
_QA = SampleStatus("10003", "Ready for QA", "Ready for QA", "indeterminate")
_BLOCKED = SampleStatus("10004", "Blocked", "Blocked", "indeterminate")
_DONE = SampleStatus("10005", "Done", "Done", "done")
_DROPPED = SampleStatus("10006", "Won't Do", "Won't Do", "done")
_BACKLOG = SampleStatus("10007", "Backlog", "Backlog", "new")
_SELECTED = SampleStatus("10008", "Selected for Development", "Selected for Development", "new")
_VENDOR = SampleStatus("10009", "Waiting for Vendor", "Waiting for Vendor", "indeterminate")
_CLASSIC = (_TODO, _PROGRESS, _REVIEW, _QA, _DONE)
_KANBAN = (_BACKLOG, _SELECTED, _PROGRESS, _REVIEW, _DONE)


def _own(project: str, first: int, *names: tuple[str, str, Category]) -> tuple[SampleStatus, ...]:
    return tuple(
        SampleStatus(str(first + i), name, known, category, project) for i, (name, known, category) in enumerate(names)
    )


_GROW = _own("10005", 10100, ("To Do", "To Do", "new"), ("In Progress", "In Progress", "indeterminate"),
             ("In Review", "In Review", "indeterminate"), ("Done", "Done", "done"))  # fmt: skip
_LAGER = _own("10006", 10110, ("Zu erledigen", "To Do", "new"), ("In Bearbeitung", "In Progress", "indeterminate"),
              ("Prüfung", "In Review", "indeterminate"), ("Fertig", "Done", "done"))  # fmt: skip

_TYPES = (
    SampleIssueType("10000", "Epic", "Epic", 1),
    SampleIssueType("10001", "Story", "Story", 0),
    SampleIssueType("10002", "Task", "Task", 0),
    SampleIssueType("10003", "Sub-task", "Sub-task", -1),
    SampleIssueType("10004", "Bug", "Bug", 0),
    SampleIssueType("10005", "Spike", "Spike", 0),
    SampleIssueType("10006", "Incident", "Incident", 0),
)
_GROW_TYPES = tuple(SampleIssueType(str(10100 + i), n, n, level, "10005") for i, (n, level) in
                    enumerate((("Epic", 1), ("Story", 0), ("Task", 0), ("Subtask", -1), ("Bug", 0))))  # fmt: skip
_LAGER_TYPES = tuple(SampleIssueType(str(10110 + i), n, u, level, "10006") for i, (n, u, level) in
                     enumerate((("Epic", "Epic", 1), ("Story", "Story", 0), ("Aufgabe", "Task", 0),
                                ("Unteraufgabe", "Subtask", -1), ("Fehler", "Bug", 0))))  # fmt: skip

PROJECTS = (
    SampleProject("10000", "PAY", "Payments Platform", "classic", "scrum", 1, 22, _CLASSIC, _BLOCKED, _DROPPED, _TYPES,
            "payments-api"),
    SampleProject("10001", "CHK", "Checkout Web", "classic", "scrum", 2, 18, _CLASSIC, _BLOCKED, _DROPPED, _TYPES,
            "checkout-web"),
    SampleProject("10002", "IDN", "Identity & Access", "classic", "scrum", 3, 14, _CLASSIC, _BLOCKED, _DROPPED, _TYPES,
            "identity-service"),
    SampleProject("10003", "K8S", "Kubernetes Platform", "classic", "kanban", 4, 12, _KANBAN, _VENDOR, _DROPPED, _TYPES,
            "platform-infra"),
    SampleProject("10004", "MOB", "Mobile Apps", "classic", "scrum", 5, 14, _CLASSIC, _BLOCKED, _DROPPED, _TYPES,
            "mobile-app"),
    SampleProject("10005", "GROW", "Growth Experiments", "next-gen", "simple", 6, 12, _GROW, None, None, _GROW_TYPES,
            "growth-experiments"),
    SampleProject("10006", "LAGER", "Lagerverwaltung", "next-gen", "simple", 7, 8, _LAGER, None, None, _LAGER_TYPES,
            "wms-backend"),
    SampleProject("10007", "PORTAL", "Customer Portal", "classic", "kanban", 8, 0, _KANBAN, None, _DROPPED, _TYPES, ""),
    SampleProject("10008", "OLDSHOP", "Old Web Shop", "classic", "kanban", 9, 0, _KANBAN, None, _DROPPED, _TYPES, "",
            archived=True),
)  # fmt: skip
LIVE = tuple(p for p in PROJECTS if not p.archived)
WORKED = tuple(p for p in PROJECTS if p.weight)
BOARDS = {p.board_id: p for p in LIVE}
STATUSES = {s.id: s for p in LIVE for s in p.statuses}
ISSUE_TYPES = {t.id: t for p in LIVE for t in p.types}

PRIORITIES = (("1", "Highest", "#cd1316"), ("2", "High", "#e9494a"), ("3", "Medium", "#e97f33"),
              ("4", "Low", "#2d8738"), ("5", "Lowest", "#57a55a"))  # fmt: skip
RESOLUTIONS = (("10000", "Done", "Work has been completed on this issue."),
               ("10001", "Won't Do", "This issue won't be actioned."),
               ("10002", "Duplicate", "The problem is a duplicate of an existing issue."),
               ("10003", "Cannot Reproduce", "All attempts at reproducing this issue failed."))  # fmt: skip
LINK_TYPES = (("10000", "Blocks", "is blocked by", "blocks"), ("10001", "Cloners", "is cloned by", "clones"),
              ("10002", "Duplicate", "is duplicated by", "duplicates"),
              ("10003", "Relates", "relates to", "relates to"))  # fmt: skip
LABELS = ("customer-reported", "regression", "tech-debt", "quick-win", "security", "performance", "accessibility",
          "incident-follow-up", "data-quality", "ux")  # fmt: skip


@dataclass(frozen=True, slots=True)
class SampleSprint:
    """Two weeks of one board, in work minutes. `state` is closed, active or future."""

    id: int
    name: str
    board_id: int
    start: int
    end: int
    state: Literal["closed", "active", "future"]


def sprints_of(project: SampleProject) -> tuple[SampleSprint, ...]:
    """All sprints of a project's board, oldest first."""
    if not project.has_sprints:
        return ()
    made = []
    for index in range(SPRINTS):
        state: Literal["closed", "active", "future"] = "closed"
        if index >= SPRINTS - 2:
            state = "active" if index == SPRINTS - 2 else "future"
        start = index * SPRINT - WEEK
        made.append(SampleSprint(project.board_id * 100 + index, f"{project.key} Sprint {index + 1}", project.board_id,
                                 start, start + SPRINT, state))  # fmt: skip
    return tuple(made)


SPRINT_LISTS = {p.key: sprints_of(p) for p in PROJECTS}


def sprint_index(work: float) -> int:
    """The number of the sprint that is active at a work minute."""
    return int((work + WEEK) // SPRINT)


@dataclass(frozen=True, slots=True)
class RepositorySpec:
    """A GitHub repository at its creation. `project` is the key of the Jira project that works in it."""

    name: str
    project: str
    language: str
    description: str
    private: bool = True
    archived: bool = False
    is_empty: bool = False
    former_name: str | None = None
    weight: int = 0


ORGANISATION = "meridian-labs"
REPOSITORIES = (
    RepositorySpec("payments-api", "PAY", "Python", "Ledger, card gateway and invoicing", weight=24),
    RepositorySpec("checkout-web", "CHK", "TypeScript", "The checkout of the web shop", former_name="checkout-frontend",
                   weight=20),
    RepositorySpec("identity-service", "IDN", "Go", "Log-in, sessions and permissions", weight=14),
    RepositorySpec("platform-infra", "K8S", "HCL", "Clusters, pipelines and monitoring", weight=12),
    RepositorySpec("mobile-app", "MOB", "Kotlin", "The shop for Android and iOS", private=False, weight=14),
    RepositorySpec("growth-experiments", "GROW", "TypeScript", "Flags, onboarding and tracking", weight=9),
    RepositorySpec("wms-backend", "LAGER", "Java", "Warehouse management", weight=5),
    RepositorySpec("legacy-shop", "PAY", "PHP", "The old web shop, kept for reading", archived=True, weight=2),
    RepositorySpec("incubator", "", "", "Nothing here yet", is_empty=True),
)  # fmt: skip
