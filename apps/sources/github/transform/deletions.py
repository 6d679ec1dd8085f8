"""Which rows belong to a deleted record? Only those that its transform made."""

from apps.sources.base import Children, Deletion, Transformed
from apps.sources.github.entities import COMMENT_KINDS, comment_id
from apps.sources.github.transform.pull_requests import comment_key
from apps.sources.rows import (
    Commit,
    Deployment,
    PullRequest,
    PullRequestComment,
    PullRequestCommit,
    PullRequestIssueLink,
    Release,
    Repository,
    Review,
    Row,
    ScopeName,
    WorkflowRun,
)

# The tables with the columns that name the deleted object.
NAMING_COLUMNS: dict[str, tuple[tuple[type[Row], str], ...]] = {
    "repository": (
        (Repository, "external_id"),
        (ScopeName, "scope"),
        (PullRequest, "repository"),
        (Commit, "repository"),
        (Release, "repository"),
        (Deployment, "repository"),
        (WorkflowRun, "repository"),
    ),
    "former_name": (),  # the names go with the repository
    "pull_request": (
        (PullRequest, "external_id"),
        (PullRequestCommit, "pull_request"),
        (Review, "pull_request"),
        (PullRequestComment, "pull_request"),
        (PullRequestIssueLink, "pull_request"),
    ),
    "release": ((Release, "external_id"),),
    "deployment": ((Deployment, "external_id"),),
    "workflow_run": ((WorkflowRun, "external_id"),),
}


def transform_deletion(deletion: Deletion) -> Transformed:
    """The parents that have no children any more. Rows of a further page of children belong to its pull request."""
    comment = comment_id(deletion.external_id) if deletion.entity in COMMENT_KINDS else ""
    if comment:
        name = comment_key(COMMENT_KINDS[deletion.entity], comment)
        return Transformed(complete=[Children(PullRequestComment, "external_id", name)])
    named = NAMING_COLUMNS.get(deletion.entity, ())
    return Transformed(complete=[Children(row_type, field, deletion.external_id) for row_type, field in named])
