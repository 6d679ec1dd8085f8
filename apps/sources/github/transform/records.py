"""Which rows does a raw record of GitHub make? Repositories and deliveries; pull requests have their own module."""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, SourceRecord, Transformed
from apps.sources.github.entities import COMMENT_KINDS
from apps.sources.github.kept import whole
from apps.sources.github.transform import rest_shapes, shapes
from apps.sources.github.transform.assembly import assembled
from apps.sources.github.transform.people import People
from apps.sources.github.transform.pull_requests import child_page, pull_request, rest_comment, thread_page
from apps.sources.reading import read_json
from apps.sources.rows import Deployment, PullRequestIssueLink, Release, Repository, Row, ScopeName, WorkflowRun
from apps.sources.text import clean, utc
from apps.sources.transforming import transform_record

ABSENT = msgspec.Raw()
FINAL_STATES = frozenset({"SUCCESS", "FAILURE", "ERROR"})


class _Variant(msgspec.Struct, rename={"graphql_thread": "pullRequest"}):
    """The fields by which the shapes of a record differ."""

    pull_request: msgspec.Raw = ABSENT
    deployment: msgspec.Raw = ABSENT
    html_url: msgspec.Raw = ABSENT
    graphql_thread: msgspec.Raw = ABSENT


def transform(record: SourceRecord, context: Context) -> Transformed:
    """The rows of one record; raises for one that cannot be read."""
    record = msgspec.structs.replace(record, payload=whole(record.payload))
    return transform_record(TRANSFORMERS, record, context, named=PullRequestIssueLink)


def with_people(rows: list[Row], people: People) -> Transformed:
    """Rows, and the accounts that they name."""
    return Transformed(rows=[*people.rows, *rows], gap_rows=people.gap_rows)


def repository(record: SourceRecord, context: Context) -> Transformed:
    """A repository."""
    payload, people = read_json(record.payload, rest_shapes.RepositoryPayload), People()
    people.id_of(rest_shapes.account(payload.owner))
    owner, _, name = payload.full_name.partition("/")
    row = Repository(
        external_id=str(payload.id),
        full_name=clean(payload.full_name),
        name=clean(payload.name or name),
        owner=clean(owner),
        description=clean(payload.description),
        url=clean(payload.html_url),
        default_branch=clean(payload.default_branch),
        language=clean(payload.language),
        is_private=payload.private,
        is_archived=payload.archived,
        is_fork=payload.fork,
        created_at=utc(payload.created_at),
        pushed_at=utc(payload.pushed_at),
    )
    return with_people([row, scope_name(row.external_id, row.full_name)], people)


def former_name(record: SourceRecord, context: Context) -> Transformed:
    """A name that a repository had; no rows if GitHub knows no such repository (the record has no scope then)."""
    if not record.scope:
        return Transformed()
    return Transformed(
        [scope_name(str(read_json(record.payload, rest_shapes.RepositoryPayload).id), record.external_id)]
    )


def scope_name(repository: str, name: str) -> ScopeName:
    """A name that a repository has or had."""
    return ScopeName(external_id=f"{repository}:{name}", scope=repository, name=name)


def release(record: SourceRecord, context: Context) -> Transformed:
    """A release."""
    payload, people = read_json(record.payload, rest_shapes.ReleasePayload), People()
    row = Release(
        external_id=str(payload.id),
        repository=repository_id(record.scope, context),
        tag=clean(payload.tag_name),
        name=clean(payload.name),
        body=clean(payload.body),
        author=people.id_of(rest_shapes.account(payload.author)),
        is_draft=payload.draft,
        is_prerelease=payload.prerelease,
        created_at=utc(payload.created_at),
        published_at=utc(payload.published_at),
    )
    return with_people([row], people)


def deployment(record: SourceRecord, context: Context) -> Transformed:
    """A deployment with its latest state. It keeps the time when it finished, even after it became inactive."""
    people = People()
    if read_json(record.payload, _Variant).deployment is not ABSENT:
        node = read_json(record.payload, rest_shapes.DeploymentRecord).node()
    else:
        node = read_json(record.payload, shapes.DeploymentNode)
    statuses = [status for status in (node.statuses.nodes if node.statuses else []) if status]
    if node.latest_status:
        statuses.append(node.latest_status)
    ends = [utc(s.created_at) for s in statuses if clean(s.state).upper() in FINAL_STATES and s.created_at]
    row = Deployment(
        external_id=str(node.database_id),
        repository=repository_of(node.repository, record, context),
        sha=clean(node.commit_oid),
        ref=clean(node.ref.name) if node.ref else "",
        environment=clean(node.environment),
        state=clean(node.latest_status.state).lower() if node.latest_status else "pending",
        creator=people.id_of(node.creator),
        created_at=utc(node.created_at),
        finished_at=max(ends, default=None),
    )
    return with_people([row], people)


def workflow_run(record: SourceRecord, context: Context) -> Transformed:
    """A run of GitHub Actions."""
    payload, people = read_json(record.payload, rest_shapes.WorkflowRunPayload), People()
    row = WorkflowRun(
        external_id=str(payload.id),
        repository=str(payload.repository.id) if payload.repository else repository_id(record.scope, context),
        name=clean(payload.name),
        event=clean(payload.event),
        status=clean(payload.status),
        conclusion=clean(payload.conclusion),
        sha=clean(payload.head_sha),
        branch=clean(payload.head_branch),
        number=payload.run_number or 0,
        attempt=payload.run_attempt or 1,
        actor=people.id_of(rest_shapes.account(payload.actor)),
        created_at=utc(payload.created_at),
        started_at=utc(payload.run_started_at),
        updated_at=utc(payload.updated_at),
    )
    return with_people([row], people)


def whole_pull_request(record: SourceRecord, context: Context) -> Transformed:
    """A pull request with its children, from GraphQL or REST."""
    if read_json(record.payload, _Variant).pull_request is ABSENT:
        node = read_json(record.payload, shapes.PullRequestNode)
    else:
        node = read_json(record.payload, rest_shapes.PullRequestRecord).node()
    return pull_request(node, record.scope, repository_of(node.repository, record, context))


def child_record(record: SourceRecord, context: Context) -> Transformed:
    """A further page of a list, or one comment of REST; the record's id begins with the pull request's."""
    owner, _, rest = record.external_id.partition(":")
    variant = read_json(record.payload, _Variant)
    if variant.html_url is not ABSENT:
        return rest_comment(
            owner, COMMENT_KINDS[record.entity], read_json(record.payload, rest_shapes.CommentPayload).node()
        )
    if (complete := complete_pull_request(owner, record, context)) is not None:
        return complete
    if variant.graphql_thread is not ABSENT:
        return thread_page(read_json(record.payload, shapes.ThreadPageNode))
    node = read_json(record.payload, shapes.ChildPageNode)
    repository = repository_of(node.repository, record, context)
    return child_page(node, record.scope, repository, int(rest.rpartition(":")[2]))


def complete_pull_request(owner: str, page: SourceRecord, context: Context) -> Transformed | None:
    """The rows of the whole pull request, if ``page`` is the last one of a list and all others are stored."""
    if read_json(page.payload, shapes.AnyPageNode).has_next_page:
        return None
    record = context.find("pull_request", owner)
    if record is None or read_json(whole(record.payload), _Variant).pull_request is not ABSENT:
        return None
    node = assembled(record, context)
    return pull_request(node, record.scope, repository_of(node.repository, record, context)) if node else None


def repository_of(node: shapes.RepositoryNode | None, record: SourceRecord, context: Context) -> str:
    """The external id of the repository that a record names, else of the one that it was read from."""
    return clean(node and node.database_id) or repository_id(record.scope, context)


def repository_id(scope: str, context: Context) -> str:
    """The external id of the repository ``scope``; it is stored before anything that belongs to it."""
    ids: dict[str, str] = context.memo("github-repositories", dict)
    if scope.lower() not in ids:
        ids.update({found.scope.lower(): found.external_id for found in context.current("repository")})
    if scope.lower() not in ids:
        raise LookupError(f"The repository {scope} of this record is not loaded; load it and try again.")
    return ids[scope.lower()]


TRANSFORMERS: dict[str, Callable[[SourceRecord, Context], Transformed]] = {
    "repository": repository,
    "former_name": former_name,
    "release": release,
    "deployment": deployment,
    "workflow_run": workflow_run,
    "pull_request": whole_pull_request,
    "pull_request_commits": child_record,
    "pull_request_reviews": child_record,
    "pull_request_review_comments": child_record,
    "pull_request_comments": child_record,
}
