"""Which rows belong to a deleted record? Only those that its transform made."""

from apps.sources.base import Children, Deletion, Transformed
from apps.sources.rows import (
    Issue,
    IssueChange,
    IssueComment,
    IssueKey,
    IssueLink,
    Project,
    ProjectStatus,
    PullRequestIssueLink,
    Row,
    ScopeName,
    Sprint,
    Status,
    WorkItemType,
)

# The tables with the columns that name the deleted object.
NAMING_COLUMNS: dict[str, tuple[tuple[type[Row], str], ...]] = {
    "project": ((Project, "external_id"), (ScopeName, "scope")),
    "project_statuses": ((ProjectStatus, "project"),),
    "issue_type": ((WorkItemType, "external_id"),),
    "status": ((Status, "external_id"),),
    "sprint": ((Sprint, "external_id"),),
    "issue": ((Issue, "external_id"), (IssueLink, "issue"), (IssueLink, "target"), (IssueComment, "issue")),
    "issue_changelog": ((IssueChange, "issue"), (IssueKey, "issue")),
    "dev_status": ((PullRequestIssueLink, "issue"),),
}


def transform_deletion(deletion: Deletion) -> Transformed:
    """The parents that have no children any more. A deleted comment list has no rows: the issue has its comments."""
    named = NAMING_COLUMNS.get(deletion.entity, ())
    return Transformed(complete=[Children(row_type, field, deletion.external_id) for row_type, field in named])
