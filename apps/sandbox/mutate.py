"""What do people change between two runs of an extractor?"""

from collections.abc import Callable
from random import Random
from typing import Any, Literal

import msgspec

from apps.sandbox.chance import source
from apps.sandbox.clock import END, now
from apps.sandbox.data.catalogue import PRIORITIES
from apps.sandbox.data.corpus import Pen
from apps.sandbox.data.issues import SampleIssue, plain, status_item
from apps.sandbox.data.pulls import SampleRepository
from apps.sandbox.data.site import SHARED_FLOW
from apps.sandbox.data.world import World
from apps.sandbox.drawing import draw, take
from apps.sandbox.encoding import Json
from apps.sandbox.github.mutations import PULL_KINDS, USUAL, PullKind, PullMutator

ProjectKind = Literal["rename_project"]
IssueKind = Literal["edit", "comment", "uncomment", "status", "delete", "move", "create"]
ISSUE_KINDS: tuple[IssueKind, ...] = ("edit", "comment", "uncomment", "status", "delete", "move", "create")
# How often each kind is chosen when all are allowed.
_WEIGHTS = {"edit": 35, "comment": 25, "uncomment": 2, "status": 28, "delete": 5, "move": 4, "create": 3}
MIN_COMMENTS = 5
_SUITS: dict[str, Callable[[Any], bool]] = {
    "move": lambda issue: issue.project.first_key in SHARED_FLOW,
    "uncomment": lambda issue: len(issue.comments) > MIN_COMMENTS,
}


class MutationError(ValueError):
    """The order is impossible; the message says why."""


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """Change a `share` of all issues and pull requests: by the usual kinds of changes, or by `kinds`."""

    seed: int = 1
    share: float = 0.02
    kinds: list[ProjectKind | IssueKind | PullKind] | None = None


class Mutator:
    """Changes a world, and deletes the stored JSON of what it changed."""

    def __init__(
        self, world: World, forget_issue: Callable[[SampleIssue], None], forget_pull: Callable[[SampleRepository], None]
    ) -> None:
        self.world = world
        self._forget_issue = forget_issue
        self._pulls = PullMutator(world, forget_issue, forget_pull)

    def run(self, order: Order) -> Json:
        """Carry out an order; return ids and keys by kind."""
        if not 0 <= order.share <= 1:
            raise MutationError(f"share must be between 0 and 1, not {order.share}.")
        rng = source(order.seed)
        done: dict[str, list[object]] = {}
        if "rename_project" in (order.kinds or ()):
            done["rename_project"] = [self._rename_project(rng)]
        self._issues(order, rng, done)
        self._pulls.run([k for k in PULL_KINDS if k in (order.kinds or USUAL)], order.share, rng, done)
        self.world.version += 1
        return {"at": now(), "done": done, "counts": {kind: len(names) for kind, names in done.items()}}

    def _issues(self, order: Order, rng: Random, done: dict[str, list[object]]) -> None:
        kinds = [k for k in ISSUE_KINDS if order.kinds is None or k in order.kinds]
        issues = list(self.world.site.by_id.values())
        drawn = draw(kinds, _WEIGHTS, order.share, len(issues), rng)
        rng.shuffle(issues)
        for kind in drawn:
            issue = take(issues, _SUITS.get(kind, bool))
            if issue is not None and issue.id in self.world.site.by_id:  # it may have been deleted with its parent
                done.setdefault(kind, []).append(getattr(self, f"_{kind}")(issue, rng))

    def _touch(self, issue: SampleIssue) -> None:
        """Update a changed issue, and the stored JSON of the issues that show it."""
        issue.update()
        relatives = [issue, *issue.subtasks, *(link.other for link in issue.links)]
        for relative in [*relatives, issue.parent] if issue.parent else relatives:
            self._forget_issue(relative)

    def _edit(self, issue: SampleIssue, rng: Random) -> str:
        pen = Pen(rng)
        words = pen.pick(issue.topic.bugs + issue.topic.stories)
        new = rng.randrange(len(PRIORITIES))
        (old_id, old_name, _), (new_id, new_name, _) = PRIORITIES[issue.priority], PRIORITIES[new]
        issue.record(now(), issue.reporter, plain("summary", None, issue.summary, None, words),
                     plain("priority", old_id, old_name, new_id, new_name))  # fmt: skip
        issue.summary, issue.priority = words, new
        issue.revision += 1
        self._touch(issue)
        return issue.key

    def _comment(self, issue: SampleIssue, rng: Random) -> str:
        self.world.site.simulator.comment(issue, rng, list(self.world.staff.humans), now())
        comment = issue.comments[-1]
        comment.updated = comment.created
        self._touch(issue)
        return issue.key

    def _uncomment(self, issue: SampleIssue, rng: Random) -> str:
        """Delete all but the newest comments. The issue changes, and no history says so."""
        issue.comments = issue.comments[-MIN_COMMENTS:]
        issue.updated = now()
        self._touch(issue)
        return issue.key

    def _status(self, issue: SampleIssue, rng: Random) -> str:
        new = rng.choice([s for s in issue.project.statuses if s is not issue.status])
        at = now()
        issue.record(at, issue.assignee or issue.reporter, status_item(issue.status, new))
        issue.status, issue.status_since = new, at
        issue.resolution, issue.resolved = (0, at) if new.category == "done" else (None, None)
        self._touch(issue)
        return issue.key

    def _delete(self, issue: SampleIssue, rng: Random) -> Json:
        children = list(issue.subtasks)
        removed = self.world.site.delete(issue)
        for one in removed:
            self._touch(one)
        for child in children:  # the issues of an epic stay, but no longer show it
            self._forget_issue(child)
        return {"id": issue.id, "key": issue.key, "with": [one.id for one in removed[1:]]}

    def _move(self, issue: SampleIssue, rng: Random) -> Json:
        target = rng.choice([k for k in SHARED_FLOW if k != issue.project.first_key])
        old = self.world.site.move(issue, target, now())
        self._touch(issue)
        return {"id": issue.id, "from": old, "to": issue.key}

    def _rename_project(self, rng: Random) -> Json:
        """Give a project another key. Its issues show the new key, but neither their times nor their histories do."""
        site = self.world.site
        project = rng.choice([p for p in site.projects if p.weight])
        renamed = site.rename_project(project, f"{project.key}X")
        for issue in site.by_id.values():
            self._forget_issue(issue)
        return {"id": renamed.id, "from": project.key, "to": renamed.key}

    def _create(self, issue: SampleIssue, rng: Random) -> str:
        made = self.world.site.add(issue.project, END - 1)
        made.created = made.status_since = now()
        made.histories.clear()
        made.comments.clear()
        made.worklogs.clear()
        made.sprints.clear()
        made.status, made.resolution, made.resolved, made.assignee = made.project.stages[0], None, None, None
        self._touch(made)
        return made.key
