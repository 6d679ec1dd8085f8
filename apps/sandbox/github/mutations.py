"""What do people change in repositories and pull requests between two runs of an extractor?"""

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Literal, get_args

from apps.sandbox.clock import END, now
from apps.sandbox.data.corpus import REVIEW_NOTES, Pen
from apps.sandbox.data.delivery import release_now
from apps.sandbox.data.issues import SampleIssue
from apps.sandbox.data.pulls import SampleCommit, SamplePull, SampleRepository
from apps.sandbox.data.world import World
from apps.sandbox.drawing import draw, take
from apps.sandbox.encoding import Json

RepositoryKind = Literal["rename_repository", "transfer_repository", "delete_repository"]
PullKind = Literal[
    "edit_pull", "comment_pull", "review_pull", "merge_pull", "force_push", "new_pull", "delete_remark", "delete_note",
    "delete_review", "delete_pull", "delete_release", "delete_deployment", "deliver", RepositoryKind,
]  # fmt: skip
REPOSITORY_KINDS: tuple[RepositoryKind, ...] = get_args(RepositoryKind)
PULL_KINDS: tuple[PullKind, ...] = get_args(PullKind)
# The kinds that happen when an order names none; the others are rare.
USUAL: tuple[PullKind, ...] = (
    "edit_pull", "comment_pull", "review_pull", "merge_pull", "force_push", "new_pull", "rename_repository",
)  # fmt: skip
_WEIGHTS = {"edit_pull": 30, "comment_pull": 25, "review_pull": 20, "merge_pull": 10, "force_push": 8, "new_pull": 7,
            "delete_remark": 6, "delete_note": 4, "delete_review": 4, "delete_pull": 1, "delete_release": 2,
            "delete_deployment": 2, "deliver": 5}  # fmt: skip
_PUSHED = frozenset({"merge_pull", "force_push", "new_pull", "deliver"})
_SUITS: dict[str, Callable[[SamplePull], bool]] = {
    "merge_pull": lambda pull: pull.closed is None,
    "delete_remark": lambda pull: bool(pull.remarks),
    "delete_note": lambda pull: bool(pull.threads),
    "delete_review": lambda pull: any(not review.notes for review in pull.reviews),
    "delete_release": lambda pull: bool(pull.repository.releases),
    "delete_deployment": lambda pull: bool(pull.repository.deployments),
}


class PullMutator:
    """Changes the repositories of a world, and deletes the stored JSON of what it changed."""

    def __init__(
        self,
        world: World,
        forget_issue: Callable[[SampleIssue], None],
        forget_repository: Callable[[SampleRepository], None],
    ) -> None:
        self.world = world
        self._forget_issue = forget_issue
        self._forget_repository = forget_repository

    def run(self, kinds: Iterable[PullKind], share: float, rng: Random, done: dict[str, list[object]]) -> None:
        """Change a `share` of all pull requests, and one repository for each kind that is about repositories."""
        wanted = list(kinds)
        for repository_kind in REPOSITORY_KINDS:
            if repository_kind in wanted and share:
                done[repository_kind] = [getattr(self, f"_{repository_kind}")(rng)]
        pulls = [p for p in self.world.hub.by_id.values() if not p.repository.archived]
        of_pulls = [k for k in wanted if k not in REPOSITORY_KINDS]
        drawn = draw(of_pulls, _WEIGHTS, share, len(pulls), rng)
        rng.shuffle(pulls)
        for kind in drawn:
            pull = take(pulls, _SUITS.get(kind, bool))
            if pull is None:
                continue
            done.setdefault(kind, []).append(getattr(self, f"_{kind}")(pull, rng))
            if kind in _PUSHED:
                pull.repository.updated = pull.repository.pushed = _second()
            self._forget_repository(pull.repository)

    def _name(self, pull: SamplePull) -> str:
        pull.touch(_second())
        return f"{pull.repository.full_name}#{pull.number}"

    def _edit_pull(self, pull: SamplePull, rng: Random) -> str:
        pull.body += f"\n_Edited: {Pen(rng).pick(REVIEW_NOTES)}_\n"
        return self._name(pull)

    def _comment_pull(self, pull: SamplePull, rng: Random) -> str:
        self.world.hub.author.remark(pull, rng.choice(self.world.staff.coders), Pen(rng), _second())
        return self._name(pull)

    def _review_pull(self, pull: SamplePull, rng: Random) -> str:
        self.world.hub.author.review(pull, rng.choice(self.world.staff.coders), Pen(rng), _second())
        return self._name(pull)

    def _merge_pull(self, pull: SamplePull, rng: Random) -> str:
        pull.closed = _second()
        self.world.hub.author.merge(pull, pull.closed, rng)
        return self._name(pull)

    def _force_push(self, pull: SamplePull, rng: Random) -> str:
        """Rewrite the last commit of the branch; reviews of the old commit point to nothing."""
        old = pull.commits[-1]
        pull.commits[-1] = SampleCommit(
            f"{rng.getrandbits(160):040x}", old.repository, old.message, old.author, old.git_name,
            old.git_email, old.authored, _second(), old.additions + 1, old.deletions, old.files, old.parents,
        )  # fmt: skip
        for review in pull.reviews:
            if review.oid == old.oid:
                self.world.hub.author.lose_commit(review, rng)
        return self._name(pull)

    def _new_pull(self, pull: SamplePull, rng: Random) -> str:
        made = self.world.hub.add(pull.repository, END - 1)
        pull.repository.last_number += 1
        made.number = pull.repository.last_number
        made.created = made.updated = _second()
        for key, kind in made.links:
            if kind == "dev_panel":
                self._forget_issue(self.world.site.by_key[key])
        return self._name(made)

    def _deliver(self, pull: SamplePull, rng: Random) -> str:
        """Release the last commit of a pull request; its deployment and its workflow run end now."""
        tag = f"{pull.repository.name}-{pull.number}-{len(pull.repository.releases)}"
        release_now(pull.repository, self.world.hub.author, tag, pull.head_oid, _second(), rng)
        return f"{pull.repository.full_name} {tag}"

    # --- deletions: they do not change a pull request's time of change --------------------------------------------

    def _delete_remark(self, pull: SamplePull, rng: Random) -> int:
        return int(pull.remarks.pop(rng.randrange(len(pull.remarks))).id)

    def _delete_note(self, pull: SamplePull, rng: Random) -> int:
        """Delete the last comment of a thread, and the thread when it is empty."""
        thread = rng.choice(pull.threads)
        note = thread.notes.pop()
        note.review.notes.remove(note)
        if not thread.notes:
            pull.threads.remove(thread)
        return note.id

    def _delete_review(self, pull: SamplePull, rng: Random) -> int:
        review = rng.choice([review for review in pull.reviews if not review.notes])
        pull.reviews.remove(review)
        return review.id

    def _delete_pull(self, pull: SamplePull, rng: Random) -> int:
        """Delete a pull request, as GitHub's support does on request."""
        pull.repository.pulls.remove(pull)
        self._bury([pull])
        return pull.id

    def _delete_release(self, pull: SamplePull, rng: Random) -> int:
        return _remove_one(pull.repository.releases, rng)

    def _delete_deployment(self, pull: SamplePull, rng: Random) -> int:
        return _remove_one(pull.repository.deployments, rng)

    def _bury(self, pulls: list[SamplePull]) -> None:
        """Remove pull requests from the world and its issues."""
        gone = {pull.id for pull in pulls}
        for number in gone:
            del self.world.hub.by_id[number]
        for issue in self.world.site.by_id.values():
            if not gone.isdisjoint(issue.pulls):
                issue.pulls = [number for number in issue.pulls if number not in gone]
                self._forget_issue(issue)

    # --- repositories -------------------------------------------------------------------------------------------------

    def _any(self, rng: Random) -> SampleRepository:
        return rng.choice([r for r in self.world.hub.repositories if not r.archived and not r.is_empty])

    def _rename_repository(self, rng: Random) -> Json:
        repository = self._any(rng)
        base, _, number = repository.name.rpartition("-r")
        name = f"{base}-r{int(number) + 1}" if base and number.isdigit() else f"{repository.name}-r2"
        return self._move(repository, repository.owner, name)

    def _transfer_repository(self, rng: Random) -> Json:
        return self._move(self._any(rng), self.world.hub.personal.owner, "")

    def _move(self, repository: SampleRepository, owner: str, name: str) -> Json:
        old, former_owner = repository.full_name, repository.owner
        repository.former_names.append(old)
        for pull in repository.pulls:
            pull.panel_name = pull.panel_name or old
            if pull.head_owner == former_owner:
                pull.head_owner = owner
        repository.owner, repository.name = owner, name or repository.name
        repository.updated = _second()
        self._forget_repository(repository)
        return {"id": repository.id, "from": old, "to": repository.full_name}

    def _delete_repository(self, rng: Random) -> Json:
        repository = self._any(rng)
        self.world.hub.repositories.remove(repository)
        self._bury(repository.pulls)
        self._forget_repository(repository)
        return {"id": repository.id, "name": repository.full_name, "pulls": len(repository.pulls)}


def _second() -> int:
    """The present in whole seconds, as in GitHub's stamps."""
    return now() // 1000 * 1000


def _remove_one(items: list[Any], rng: Random) -> int:
    return int(items.pop(rng.randrange(len(items))).id)
