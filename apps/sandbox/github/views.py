"""What does GitHub show besides the records? Owners, refs, actors of commits, labels and addresses."""

from typing import Any, NamedTuple

from apps.sandbox.data.catalogue import LABELS, ORGANISATION
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import (
    SampleCommit,
    SampleDeployment,
    SampleDeploymentState,
    SampleNote,
    SamplePull,
    SampleRepository,
    SampleRun,
    SampleTicket,
    node_id,
)

WEB = "https://github.com"
ORGANISATION_ID = 98_700_321
LANGUAGES = {"Python": "#3572A5", "TypeScript": "#3178c6", "Go": "#00ADD8", "HCL": "#844FBA", "Kotlin": "#A97BFF",
             "Java": "#b07219", "PHP": "#4F5D95", "Shell": "#89e051"}  # fmt: skip
LABEL_NAMES = (*LABELS, "dependencies")


class OwnerView(NamedTuple):
    """The organisation."""

    login: str = ORGANISATION
    name: str = "Meridian Labs"
    id: int = ORGANISATION_ID
    node_id: str = "O_kgDOBeIDIQ"


class GitActorView(NamedTuple):
    """Author or committer of a commit."""

    name: str
    email: str
    at: int
    person: SamplePerson | None


class PullCommit(NamedTuple):
    """A commit as part of a pull request."""

    pull: SamplePull
    commit: SampleCommit


class CheckSuite(NamedTuple):
    """GitHub Actions' result for a commit: one workflow run."""

    repository: SampleRepository
    run: SampleRun


class Ref(NamedTuple):
    """A branch or tag; `target` is None when the commit is outside of the sample."""

    repository: SampleRepository
    name: str
    prefix: str
    oid: str
    target: SampleCommit | None


class LabelView(NamedTuple):
    """A label of a repository."""

    repository: SampleRepository
    name: str

    @property
    def id(self) -> int:
        """Its number."""
        return self.repository.id * 10 + 5_000_000_000 + LABEL_NAMES.index(self.name)

    @property
    def description(self) -> str:
        """What it is for."""
        return f"Everything about {self.name.replace('-', ' ')}"

    @property
    def colour(self) -> str:
        """Six hexadecimal digits."""
        return f"{(LABEL_NAMES.index(self.name) * 1_318_699 + 700_001) % 0xFFFFFF:06x}"


class MilestoneView(NamedTuple):
    """The one milestone of a repository."""

    repository: SampleRepository
    number: int

    @property
    def id(self) -> int:
        """Its number on the whole site."""
        return self.repository.id // 100 + self.number


class ReviewRequest(NamedTuple):
    """A request for a review."""

    pull: SamplePull
    person: SamplePerson


class PlacedItem(NamedTuple):
    """A record with the pull request, ticket or repository to which it belongs."""

    pull: Any
    item: Any


class DeploymentPlace(NamedTuple):
    """A deployment with its repository, or one of its states."""

    repository: SampleRepository
    deployment: SampleDeployment
    state: SampleDeploymentState | None = None


def label_node_id(label: LabelView) -> str:
    """The node id of a label."""
    return node_id("LA", label.repository.id, label.id)


def pull_url(pull: SamplePull) -> str:
    """The page of a pull request."""
    return f"{WEB}/{pull.repository.full_name}/pull/{pull.number}"


def page_url(item: SamplePull | SampleTicket) -> str:
    """The page of a pull request or ticket."""
    kind = "pull" if isinstance(item, SamplePull) else "issues"
    return f"{WEB}/{item.repository.full_name}/{kind}/{item.number}"


def diff_hunk(note: SampleNote) -> str:
    """The lines to which a review comment belongs."""
    first = max(1, note.original_line - 3)
    return f"@@ -{first},7 +{first},9 @@ {note.path}\n     connection = pool.take()\n+    rows = connection.read(limit)"


def commit_url(commit: SampleCommit) -> str:
    """The page of a commit."""
    return f"{WEB}/{commit.repository.full_name}/commit/{commit.oid}"


def avatar(number: int) -> str:
    """A picture."""
    return f"https://avatars.githubusercontent.com/u/{number}?v=4"


def branches(repository: SampleRepository) -> list[Ref]:
    """The branch main, and the branches of open pull requests that come from the repository itself."""
    if repository.is_empty:
        return []
    trunk = repository.trunk[-1] if repository.trunk else None
    refs = [Ref(repository, "main", "refs/heads/", trunk.oid, trunk)] if trunk else []
    return refs + [Ref(repository, p.head_ref, "refs/heads/", p.head_oid, p.commits[-1]) for p in repository.pulls
                   if not p.closed and not p.is_cross_repository]  # fmt: skip


def tags(repository: SampleRepository) -> list[Ref]:
    """The tags of the releases, newest first."""
    return [
        Ref(repository, r.tag, "refs/tags/", r.oid, find_commit(repository, r.oid)) for r in repository.releases[::-1]
    ]


def find_commit(repository: SampleRepository, oid: str | None) -> SampleCommit | None:
    """A commit of the default branch."""
    return next((c for c in repository.trunk if c.oid == oid), None) if oid else None


def deployment_state(repository: SampleRepository, deployment: SampleDeployment) -> str:
    """GraphQL's state: the last successful deployment of an environment is active."""
    last = deployment.states[-1].state
    if last != "success":
        return last.upper()
    good = [
        d for d in repository.deployments if d.environment == deployment.environment and d.states[-1].state == "success"
    ]
    return "ACTIVE" if max(good, key=lambda d: d.created) is deployment else "INACTIVE"


def review_decision(pull: SamplePull) -> str | None:
    """The decision that follows from the last review of every reviewer."""
    last = {r.author.index: r.state for r in pull.reviews if r.author and r.state in ("APPROVED", "CHANGES_REQUESTED")}
    if "CHANGES_REQUESTED" in last.values():
        return "CHANGES_REQUESTED"
    return "APPROVED" if last else ("REVIEW_REQUIRED" if pull.requested else None)


def small(number: int) -> int | None:
    """A database id as GraphQL's 32-bit integer, or None when it does not fit."""
    return number if number < 2**31 else None
