"""How does each GraphQL field of the sample GitHub get its value?"""

from operator import attrgetter
from typing import Any

from apps.sandbox.clock import github_stamp, maybe_stamp
from apps.sandbox.data.catalogue import ORGANISATION
from apps.sandbox.data.hub import SampleHub
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import (
    SampleCommit,
    SampleNote,
    SamplePull,
    SampleRelease,
    SampleRemark,
    SampleRepository,
    SampleReview,
    SampleRun,
    SampleThread,
    SampleTicket,
    node_id,
)
from apps.sandbox.encoding import Json
from apps.sandbox.github import views
from apps.sandbox.github.executor import Fields, Getter
from apps.sandbox.github.views import (
    WEB,
    CheckSuite,
    DeploymentPlace,
    GitActorView,
    LabelView,
    MilestoneView,
    OwnerView,
    PlacedItem,
    PullCommit,
    Ref,
    ReviewRequest,
)

TYPES = {SampleRepository: "Repository", SamplePull: "PullRequest", SampleCommit: "Commit",
         PullCommit: "PullRequestCommit", OwnerView: "Organization", SampleTicket: "Issue", Ref: "Ref",
         LabelView: "Label", MilestoneView: "Milestone", ReviewRequest: "ReviewRequest", CheckSuite: "CheckSuite",
         SampleRun: "WorkflowRun"}  # fmt: skip
_ITEMS = {SampleReview: "PullRequestReview", SampleNote: "PullRequestReviewComment", SampleRemark: "IssueComment",
          SampleRelease: "Release", SampleThread: "PullRequestReviewThread"}  # fmt: skip


def type_of(record: Any) -> str:
    """The name of a record's GraphQL type."""
    if isinstance(record, SamplePerson):
        return "Bot" if record.is_bot else "User"
    if isinstance(record, DeploymentPlace):
        return "DeploymentStatus" if record.state else "Deployment"
    if isinstance(record, str):
        return "Language"
    if isinstance(record, PlacedItem):
        return _ITEMS[type(record.item)]
    return TYPES[type(record)]


def plain(**names: str) -> dict[str, Getter]:
    """GraphQL field = attribute (with dots)."""
    return {field: _getter(path) for field, path in names.items()}


def _getter(path: str) -> Getter:
    get = attrgetter(path)
    return lambda r, a: get(r)


def same(value: Any) -> Getter:
    """Always the same value."""
    return lambda r, a: value


def times(**names: str) -> dict[str, Getter]:
    """GraphQL field = stamp of an attribute."""
    return {field: _stamped(path) for field, path in names.items()}


def _stamped(path: str) -> Getter:
    get = attrgetter(path)
    return lambda r, a: maybe_stamp(get(r))


def ordered(items: list[Any], order: Json | None, keys: dict[str, str], default: str) -> list[Any]:
    """The items sorted by an `orderBy` argument (the values of `keys` are attributes), else by `default`."""
    if not order:
        return sorted(items, key=lambda i: (getattr(i, default), i.id))
    get = attrgetter(keys[order["field"]])
    return sorted(items, key=lambda i: (get(i), i.id), reverse=order["direction"] == "DESC")


_STAMPS = {
    "CREATED_AT": "created",
    "UPDATED_AT": "updated",
    "COMMENTS": "number",
    "NAME": "name",
    "PUSHED_AT": "pushed",
    "STARGAZERS": "id",
}


def _pulls(repository: SampleRepository, given: Json) -> list[SamplePull]:
    chosen = repository.pulls
    if given.get("states"):
        chosen = [p for p in chosen if p.state in given["states"]]
    if given.get("headRefName"):
        chosen = [p for p in chosen if p.head_ref == given["headRefName"]]
    if given.get("baseRefName") not in (None, "main"):
        chosen = []
    return ordered(chosen, given.get("orderBy"), _STAMPS, "created")


def _tickets(repository: SampleRepository, given: Json) -> list[SampleTicket]:
    states = given.get("states")
    chosen = [t for t in repository.tickets if not states or ("CLOSED" if t.closed else "OPEN") in states]
    return ordered(chosen, given.get("orderBy"), _STAMPS, "created")


def _deployments(repository: SampleRepository, given: Json) -> list[DeploymentPlace]:
    wanted = given.get("environments")
    chosen = [d for d in repository.deployments if not wanted or d.environment in wanted]
    return [
        DeploymentPlace(repository, d)
        for d in ordered(chosen, given.get("orderBy"), {"CREATED_AT": "created"}, "created")
    ]


def _repositories(items: list[SampleRepository], given: Json) -> list[SampleRepository]:
    if given.get("isArchived") is not None:
        items = [r for r in items if r.archived == given["isArchived"]]
    if given.get("isFork"):
        items = []
    if given.get("privacy"):
        items = [r for r in items if r.private == (given["privacy"] == "PRIVATE")]
    return ordered(items, given.get("orderBy"), _STAMPS, "created")


def _refs(repository: SampleRepository, given: Json) -> list[Ref]:
    refs = views.tags(repository) if given["refPrefix"].startswith("refs/tags") else views.branches(repository)
    refs.sort(key=lambda r: r.name, reverse=given.get("direction") == "DESC")
    return refs


def _default_branch(repository: SampleRepository, given: Json) -> Ref | None:
    return next(iter(views.branches(repository)), None)


def repository_fields(hub: SampleHub) -> Fields:
    """Fields of repositories, owners and people."""

    def owned(owner: Any, given: Json) -> list[SampleRepository]:
        return _repositories([r for r in hub.everything if r.owner == owner.login], given)

    person: dict[str, Getter] = {
        **plain(id="node_id", databaseId="github_id", login="login", name="name", email="email"),
        "url": lambda r, a: f"{WEB}/{r.login}", "avatarUrl": lambda r, a: views.avatar(r.github_id),
        "createdAt": same("2019-03-04T09:00:00Z"), "updatedAt": same("2026-06-01T08:00:00Z"), "repositories": owned,
    }  # fmt: skip
    return {
        "User": person,
        "Bot": person,
        "Mannequin": person,
        "Organization": person | {"databaseId": _getter("id"), "avatarUrl": lambda r, a: views.avatar(r.id)},
        "Repository": _repository(hub),
        **_part_fields(),
        **_deployment_fields(),
    }


def _repository(hub: SampleHub) -> dict[str, Getter]:
    return {
        **plain(
            id="node_id",
            databaseId="id",
            name="name",
            nameWithOwner="full_name",
            description="description",
            isPrivate="private",
            isArchived="archived",
            isEmpty="is_empty",
        ),
        **times(createdAt="created", updatedAt="updated", pushedAt="pushed"),
        "owner": lambda r, a: OwnerView() if r.owner == ORGANISATION else hub.staff.viewer,
        "url": lambda r, a: f"{WEB}/{r.full_name}",
        "isFork": same(False),
        "isDisabled": same(False),
        "visibility": lambda r, a: "PRIVATE" if r.private else "PUBLIC",
        "archivedAt": lambda r, a: maybe_stamp(r.updated) if r.archived else None,
        "defaultBranchRef": _default_branch,
        "primaryLanguage": lambda r, a: r.language or None,
        "pullRequests": _pulls,
        "issues": _tickets,
        "deployments": _deployments,
        "refs": _refs,
        "pullRequest": lambda r, a: next((p for p in r.pulls if p.number == a["number"]), None),
        "releases": lambda r, a: [
            PlacedItem(r, x)
            for x in ordered(r.releases, a.get("orderBy"), {"CREATED_AT": "created", "NAME": "name"}, "created")
        ],
    }


def _part_fields() -> Fields:
    """Fields of the small parts of a repository."""
    return {
        "Language": {"id": lambda r, a: f"L_{r}", "name": lambda r, a: r, "color": lambda r, a: views.LANGUAGES.get(r)},
        "Ref": {
            "id": lambda r, a: f"REF_{r.repository.id:x}_{r.name}",
            **plain(name="name", prefix="prefix", target="target", repository="repository"),
        },
        "Label": {
            "id": lambda r, a: views.label_node_id(r),
            "name": _getter("name"),
            "color": _getter("colour"),
            "description": _getter("description"),
            "isDefault": same(False),
            "url": lambda r, a: f"{WEB}/{r.repository.full_name}/labels/{r.name}",
        },
        "Milestone": {
            "id": lambda r, a: node_id("MI", r.repository.id, r.id),
            "number": _getter("number"),
            "title": same("Next release"),
            "state": same("OPEN"),
            "closed": same(False),
            "dueOn": same(None),
            "closedAt": same(None),
            "description": same(None),
            "createdAt": lambda r, a: github_stamp(r.repository.created),
            "updatedAt": lambda r, a: github_stamp(r.repository.created),
            "url": lambda r, a: f"{WEB}/{r.repository.full_name}/milestone/{r.number}",
        },
        "Release": {
            **plain(
                id="item.node_id",
                databaseId="item.id",
                name="item.name",
                tagName="item.tag",
                description="item.body",
                isPrerelease="item.prerelease",
                author="item.author",
                repository="pull",
            ),
            **times(createdAt="item.created", publishedAt="item.published", updatedAt="item.published"),
            "isDraft": same(False),
            "tagCommit": lambda r, a: views.find_commit(r.pull, r.item.oid),
            "url": lambda r, a: f"{WEB}/{r.pull.full_name}/releases/tag/{r.item.tag}",
        },
    }


def _deployment_fields() -> Fields:
    return {
        "Deployment": {
            **plain(
                id="deployment.node_id",
                databaseId="deployment.id",
                commitOid="deployment.oid",
                environment="deployment.environment",
                originalEnvironment="deployment.environment",
                latestEnvironment="deployment.environment",
                creator="deployment.creator",
                repository="repository",
            ),
            **times(createdAt="deployment.created", updatedAt="deployment.updated"),
            "commit": lambda r, a: views.find_commit(r.repository, r.deployment.oid),
            "task": same("deploy"),
            "ref": lambda r, a: Ref(r.repository, r.deployment.ref, "refs/tags/", r.deployment.oid, None),
            "state": lambda r, a: views.deployment_state(r.repository, r.deployment),
            "description": same(None),
            "payload": same('""'),
            "latestStatus": lambda r, a: DeploymentPlace(r.repository, r.deployment, r.deployment.states[-1]),
            "statuses": lambda r, a: [
                DeploymentPlace(r.repository, r.deployment, s) for s in r.deployment.states[::-1]
            ],
        },
        "DeploymentStatus": {
            **plain(
                id="state.node_id",
                description="state.description",
                environment="deployment.environment",
                creator="deployment.creator",
            ),
            **times(createdAt="state.at", updatedAt="state.at"),
            "state": lambda r, a: r.state.state.upper(),
            "environmentUrl": same(None),
            "logUrl": same(None),
            "deployment": lambda r, a: DeploymentPlace(r.repository, r.deployment),
        },
    }


def _suites(commit: SampleCommit, given: Json) -> list[CheckSuite]:
    return [CheckSuite(commit.repository, run) for run in commit.repository.runs if run.oid == commit.oid]


def _history(commit: SampleCommit, given: Json) -> list[SampleCommit]:
    """A commit of the default branch and those before it, newest first; of another branch only the commit."""
    trunk = commit.repository.trunk
    place = next((place for place, known in enumerate(trunk) if known is commit), None)
    return [commit] if place is None else trunk[place::-1]


def commit_fields() -> Fields:
    """Fields of commits and their authors."""
    return {
        "Commit": {
            **plain(oid="oid", message="message", additions="additions", deletions="deletions", changedFiles="files",
                     changedFilesIfAvailable="files", repository="repository"),
            **times(authoredDate="authored", committedDate="committed"),
            "id": lambda r, a: node_id("C", r.repository.id, int(r.oid[:12], 16)),
            "abbreviatedOid": lambda r, a: r.oid[:7], "messageHeadline": lambda r, a: r.message.partition("\n")[0],
            "messageBody": lambda r, a: r.message.partition("\n")[2].strip(), "url": lambda r, a: views.commit_url(r),
            "author": lambda r, a: GitActorView(r.git_name, r.git_email, r.authored, r.author),
            "committer": lambda r, a: GitActorView(r.git_name, r.git_email, r.committed, r.author),
            "checkSuites": _suites, "history": _history,
        },
        "CheckSuite": {"id": lambda r, a: node_id("CS", r.repository.id, r.run.id), "workflowRun": _getter("run"),
                       **times(createdAt="run.created", updatedAt="run.updated")},
        "WorkflowRun": {**plain(id="node_id", databaseId="id", runNumber="number", event="event"),
                        **times(createdAt="created", updatedAt="updated")},
        "GitActor": {"name": _getter("name"), "email": _getter("email"), "date": lambda r, a: maybe_stamp(r.at),
                     "user": lambda r, a: r.person if r.person and not r.person.is_bot else None},
        "PullRequestCommit": {
            "id": lambda r, a: node_id("PURC", r.pull.id, int(r.commit.oid[:12], 16)), "commit": _getter("commit"),
            "pullRequest": _getter("pull"), "url": lambda r, a: f"{views.pull_url(r.pull)}/commits/{r.commit.oid}",
        },
    }  # fmt: skip
