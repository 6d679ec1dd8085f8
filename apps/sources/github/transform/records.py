"""What does a raw record of GitHub mean? Repositories and deliveries; pull requests have their own module."""

from collections.abc import Callable

import msgspec

from apps.sources.base import Context, RawRecord, Transformed
from apps.sources.github.transform import rest_shapes, shapes
from apps.sources.github.transform.assembly import assembled
from apps.sources.github.transform.people import People
from apps.sources.github.transform.pull_requests import child_page, pull_request, rest_comment, thread_page
from apps.sources.github.transform.shapes import utc
from apps.sources.rows import Deployment, Release, Repository, Row, WorkflowRun
from apps.sources.text import clean, read_json

ABSENT = msgspec.Raw()
FINAL_STATES = frozenset({"SUCCESS", "FAILURE", "ERROR"})


class _Mark(msgspec.Struct, rename={"graphql_thread": "pullRequest"}):
    """What tells the shapes of a record apart."""

    pull_request: msgspec.Raw = ABSENT
    deployment: msgspec.Raw = ABSENT
    html_url: msgspec.Raw = ABSENT
    graphql_thread: msgspec.Raw = ABSENT


def transform(record: RawRecord, context: Context) -> Transformed:
    """The rows of one record; raises for one that cannot be read."""
    return TRANSFORMERS[record.entity](record, context)


def with_people(rows: list[Row], people: People) -> Transformed:
    """Rows with the accounts that were met in them."""
    return Transformed(rows=[*people.rows, *rows], gap_rows=people.gap_rows)


def repository(record: RawRecord, context: Context) -> Transformed:
    """A repository."""
    told, people = read_json(record.payload, rest_shapes.Repository), People()
    people.id_of(rest_shapes.person(told.owner))
    owner, _, name = told.full_name.partition("/")
    row = Repository(
        external_id=str(told.id),
        full_name=clean(told.full_name),
        name=clean(told.name or name),
        owner=clean(owner),
        description=clean(told.description),
        url=clean(told.html_url),
        default_branch=clean(told.default_branch),
        language=clean(told.language),
        is_private=told.private,
        is_archived=told.archived,
        is_fork=told.fork,
        created_at=utc(told.created_at),
        pushed_at=utc(told.pushed_at),
    )
    return with_people([row], people)


def release(record: RawRecord, context: Context) -> Transformed:
    """A release."""
    told, people = read_json(record.payload, rest_shapes.Release), People()
    row = Release(
        external_id=str(told.id),
        repository=repository_id(record.scope, context),
        tag=clean(told.tag_name),
        name=clean(told.name),
        body=clean(told.body),
        author=people.id_of(rest_shapes.person(told.author)),
        is_draft=told.draft,
        is_prerelease=told.prerelease,
        created_at=utc(told.created_at),
        published_at=utc(told.published_at),
    )
    return with_people([row], people)


def deployment(record: RawRecord, context: Context) -> Transformed:
    """A deployment with its latest state; when it finished stays known after it was replaced (inactive)."""
    people = People()
    if read_json(record.payload, _Mark).deployment is not ABSENT:
        told = read_json(record.payload, rest_shapes.DeploymentRecord).node()
    else:
        told = read_json(record.payload, shapes.Deployment)
    statuses = [status for status in (told.statuses.nodes if told.statuses else []) if status]
    if told.latest_status:
        statuses.append(told.latest_status)
    ends = [s.created_at for s in statuses if s.state.upper() in FINAL_STATES and s.created_at]
    repository_of = told.repository.database_id if told.repository else None
    row = Deployment(
        external_id=str(told.database_id),
        repository=str(repository_of or "") or repository_id(record.scope, context),
        sha=clean(told.commit_oid),
        ref=clean(told.ref.name) if told.ref else "",
        environment=clean(told.environment),
        state=told.latest_status.state.lower() if told.latest_status else "pending",
        creator=people.id_of(told.creator),
        created_at=utc(told.created_at),
        finished_at=utc(max(ends, default=None)),
    )
    return with_people([row], people)


def workflow_run(record: RawRecord, context: Context) -> Transformed:
    """A run of GitHub Actions."""
    told, people = read_json(record.payload, rest_shapes.WorkflowRun), People()
    row = WorkflowRun(
        external_id=str(told.id),
        repository=str(told.repository.id) if told.repository else repository_id(record.scope, context),
        name=clean(told.name),
        event=clean(told.event),
        status=clean(told.status),
        conclusion=clean(told.conclusion),
        sha=clean(told.head_sha),
        branch=clean(told.head_branch),
        number=told.run_number or 0,
        attempt=told.run_attempt or 1,
        actor=people.id_of(rest_shapes.person(told.actor)),
        created_at=utc(told.created_at),
        started_at=utc(told.run_started_at),
        updated_at=utc(told.updated_at),
    )
    return with_people([row], people)


def whole_pull_request(record: RawRecord, context: Context) -> Transformed:
    """A pull request and all that came with it, from either interface."""
    if read_json(record.payload, _Mark).pull_request is ABSENT:
        return pull_request(read_json(record.payload, shapes.PullRequest), record.scope)
    return pull_request(read_json(record.payload, rest_shapes.PullRequestRecord).node(), record.scope)


def children(record: RawRecord, context: Context) -> Transformed:
    """A further page of a list, or one comment of REST; the record's id begins with the pull request's."""
    owner, _, rest = record.external_id.partition(":")
    mark = read_json(record.payload, _Mark)
    if mark.html_url is not ABSENT:
        kind = "review" if record.entity == "pull_request_review_comments" else "issue"
        return rest_comment(owner, kind, read_json(record.payload, rest_shapes.Comment).node())
    if (whole := whole_by_now(owner, record, context)) is not None:
        return whole
    if mark.graphql_thread is not ABSENT:
        return thread_page(read_json(record.payload, shapes.ThreadPage))
    offset = int(rest.rpartition(":")[2])
    return child_page(read_json(record.payload, shapes.ChildPage), record.scope, offset)


def whole_by_now(owner: str, page: RawRecord, context: Context) -> Transformed | None:
    """The whole pull request, when ``page`` is the last one of a list and all others are stored as well."""
    if read_json(page.payload, shapes.AnyPage).goes_on:
        return None
    record = context.find("pull_request", owner)
    if record is None or read_json(record.payload, _Mark).pull_request is not ABSENT:
        return None
    told = assembled(record, context)
    return pull_request(told, record.scope) if told else None


def repository_id(scope: str, context: Context) -> str:
    """The external id of the repository ``scope``; it is stored before anything that belongs to it."""
    known: dict[str, str] = context.memo("github-repositories", dict)
    if scope.lower() not in known:
        known.update({found.scope.lower(): found.external_id for found in context.current("repository")})
    if scope.lower() not in known:
        raise LookupError(f"The repository {scope} of this record is not loaded; load it and try again.")
    return known[scope.lower()]


TRANSFORMERS: dict[str, Callable[[RawRecord, Context], Transformed]] = {
    "repository": repository,
    "release": release,
    "deployment": deployment,
    "workflow_run": workflow_run,
    "pull_request": whole_pull_request,
    "pull_request_commits": children,
    "pull_request_reviews": children,
    "pull_request_review_comments": children,
    "pull_request_comments": children,
}
