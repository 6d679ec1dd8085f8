"""What do people change while an extractor is not looking?"""

from collections.abc import Callable
from random import Random
from typing import Any, Literal

import msgspec

from apps.sandbox.chance import source
from apps.sandbox.clock import END, now
from apps.sandbox.data.catalogue import PRIORITIES
from apps.sandbox.data.corpus import REVIEW_NOTES, Pen
from apps.sandbox.data.issues import Issue, plain, status_item
from apps.sandbox.data.pulls import Commit, Pull, Repository
from apps.sandbox.data.site import SHARED_FLOW
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json

IssueKind = Literal["edit", "comment", "status", "delete", "move", "create"]
PullKind = Literal[
    "edit_pull", "comment_pull", "review_pull", "merge_pull", "force_push", "new_pull", "rename_repository"
]
ISSUE_KINDS: tuple[IssueKind, ...] = ("edit", "comment", "status", "delete", "move", "create")
PULL_KINDS: tuple[PullKind, ...] = (
    "edit_pull", "comment_pull", "review_pull", "merge_pull", "force_push", "new_pull", "rename_repository",
)  # fmt: skip
# How often each kind is drawn when all are allowed.
_WEIGHTS = {"edit": 35, "comment": 25, "status": 28, "delete": 5, "move": 4, "create": 3, "edit_pull": 30,
            "comment_pull": 25, "review_pull": 20, "merge_pull": 10, "force_push": 8, "new_pull": 7}  # fmt: skip


_SUITS: dict[str, Callable[[Any], bool]] = {
    "move": lambda issue: issue.project.key in SHARED_FLOW,
    "merge_pull": lambda pull: pull.closed is None,
}


class MutationError(ValueError):
    """The order makes no sense; the message says why."""


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """Change `share` of all issues and pull requests; `kinds` names what may happen (everything when absent)."""

    seed: int = 1
    share: float = 0.02
    kinds: list[IssueKind | PullKind] | None = None


class Mutator:
    """Changes a world and tells the records that are kept about it."""

    def __init__(
        self, world: World, forget_issue: Callable[[Issue], None], forget_pull: Callable[[Repository], None]
    ) -> None:
        self.world = world
        self._forget_issue = forget_issue
        self._forget_repository = forget_pull

    def run(self, order: Order) -> Json:
        """Carry an order out; returns ids and keys by kind."""
        if not 0 <= order.share <= 1:
            raise MutationError(f"share must be between 0 and 1, not {order.share}.")
        rng = source(order.seed)
        done: dict[str, list[object]] = {}
        self._issues(order, rng, done)
        self._pulls(order, rng, done)
        self.world.version += 1
        return {"at": now(), "done": done, "counts": {kind: len(names) for kind, names in done.items()}}

    def _issues(self, order: Order, rng: Random, done: dict[str, list[object]]) -> None:
        kinds = [k for k in ISSUE_KINDS if order.kinds is None or k in order.kinds]
        issues = list(self.world.site.by_id.values())
        if not kinds:
            return
        count = min(len(issues), max(len(kinds), round(len(issues) * order.share))) if order.share else 0
        drawn = [*kinds, *rng.choices(kinds, [_WEIGHTS[k] for k in kinds], k=count)][:count]
        rng.shuffle(issues)
        for kind in drawn:
            issue = _take(issues, _SUITS.get(kind, bool))
            if issue is not None:
                done.setdefault(kind, []).append(getattr(self, f"_{kind}")(issue, rng))

    def _touch(self, issue: Issue) -> None:
        """Bring a changed issue and those that show it up to date."""
        issue.settle()
        relatives = [issue, *issue.subtasks, *(link.other for link in issue.links)]
        for relative in [*relatives, issue.parent] if issue.parent else relatives:
            self._forget_issue(relative)

    def _edit(self, issue: Issue, rng: Random) -> str:
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

    def _comment(self, issue: Issue, rng: Random) -> str:
        self.world.site.biographer.comment(issue, rng, list(self.world.staff.humans), now())
        comment = issue.comments[-1]
        comment.updated = comment.created
        self._touch(issue)
        return issue.key

    def _status(self, issue: Issue, rng: Random) -> str:
        new = rng.choice([s for s in issue.project.statuses if s is not issue.status])
        at = now()
        issue.record(at, issue.assignee or issue.reporter, status_item(issue.status, new))
        issue.status, issue.status_since = new, at
        issue.resolution, issue.resolved = (0, at) if new.category == "done" else (None, None)
        self._touch(issue)
        return issue.key

    def _delete(self, issue: Issue, rng: Random) -> Json:
        self.world.site.delete(issue)
        for child in issue.subtasks:
            self._forget_issue(child)
        self._touch(issue)
        return {"id": issue.id, "key": issue.key}

    def _move(self, issue: Issue, rng: Random) -> Json:
        target = rng.choice([k for k in SHARED_FLOW if k != issue.project.key])
        old = self.world.site.move(issue, target, now())
        self._touch(issue)
        return {"id": issue.id, "from": old, "to": issue.key}

    def _create(self, issue: Issue, rng: Random) -> str:
        made = self.world.site.add(issue.project, END - 1)
        made.created = made.status_since = now()
        made.histories.clear()
        made.comments.clear()
        made.worklogs.clear()
        made.sprints.clear()
        made.status, made.resolution, made.resolved, made.assignee = made.project.stages[0], None, None, None
        self._touch(made)
        return made.key

    def _pulls(self, order: Order, rng: Random, done: dict[str, list[object]]) -> None:
        kinds = [k for k in PULL_KINDS if order.kinds is None or k in order.kinds]
        if "rename_repository" in kinds and order.share:
            done["rename_repository"] = [self._rename_repository(rng)]
        kinds = [k for k in kinds if k != "rename_repository"]
        pulls = [p for p in self.world.hub.by_id.values() if not p.repository.archived]
        if not kinds:
            return
        count = min(len(pulls), max(len(kinds), round(len(pulls) * order.share))) if order.share else 0
        drawn = [*kinds, *rng.choices(kinds, [_WEIGHTS[k] for k in kinds], k=count)][:count]
        rng.shuffle(pulls)
        for kind in drawn:
            pull = _take(pulls, _SUITS.get(kind, bool))
            if pull is None:
                continue
            done.setdefault(kind, []).append(getattr(self, f"_{kind}")(pull, rng))
            pull.repository.updated = pull.repository.pushed = now() // 1000 * 1000
            self._forget_repository(pull.repository)

    def _name(self, pull: Pull) -> str:
        pull.touch(now() // 1000 * 1000)
        return f"{pull.repository.full_name}#{pull.number}"

    def _edit_pull(self, pull: Pull, rng: Random) -> str:
        pull.body += f"\n_Edited: {Pen(rng).pick(REVIEW_NOTES)}_\n"
        return self._name(pull)

    def _comment_pull(self, pull: Pull, rng: Random) -> str:
        self.world.hub.author.remark(pull, rng.choice(self.world.staff.coders), Pen(rng), now() // 1000 * 1000)
        return self._name(pull)

    def _review_pull(self, pull: Pull, rng: Random) -> str:
        self.world.hub.author.review(pull, rng.choice(self.world.staff.coders), Pen(rng), now() // 1000 * 1000)
        return self._name(pull)

    def _merge_pull(self, pull: Pull, rng: Random) -> str:
        pull.closed = now() // 1000 * 1000
        self.world.hub.author.merge(pull, pull.closed, rng)
        return self._name(pull)

    def _force_push(self, pull: Pull, rng: Random) -> str:
        """Rewrite the last commit of the branch; reviews of the old one point to nothing."""
        old = pull.commits[-1]
        at = now() // 1000 * 1000
        pull.commits[-1] = Commit(f"{rng.getrandbits(160):040x}", old.repository, old.message, old.author, old.git_name,
                                  old.git_email, old.authored, at, old.additions + 1, old.deletions, old.files,
                                  old.parents)  # fmt: skip
        for review in pull.reviews:
            if review.oid == old.oid:
                self.world.hub.author.lose_commit(review, rng)
        return self._name(pull)

    def _new_pull(self, pull: Pull, rng: Random) -> str:
        made = self.world.hub.add(pull.repository, END - 1)
        pull.repository.last_number += 1
        made.number = pull.repository.last_number
        made.created = made.updated = now() // 1000 * 1000
        for key, kind in made.links:
            if kind == "dev_panel":
                self._forget_issue(self.world.site.by_key[key])
        return self._name(made)

    def _rename_repository(self, rng: Random) -> Json:
        repository = rng.choice([r for r in self.world.hub.repositories if not r.archived and not r.empty])
        old = repository.name
        repository.former_names.append(old)
        base, _, number = old.rpartition("-r")
        repository.name = f"{base}-r{int(number) + 1}" if base and number.isdigit() else f"{old}-r2"
        repository.updated = now() // 1000 * 1000
        self._forget_repository(repository)
        return {"id": repository.id, "from": f"{repository.owner}/{old}", "to": repository.full_name}


def _take(pool: list[Any], suits: Callable[[Any], bool]) -> Any:
    """Remove and return the first that suits; None when none does."""
    for place, candidate in enumerate(pool):
        if suits(candidate):
            return pool.pop(place)
    return None
