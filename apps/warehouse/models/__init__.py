"""Which tables are loaded? One model per row struct of :mod:`apps.sources.rows`, with the name of the struct."""

from apps.sources import rows
from apps.warehouse.models.base import LoadedModel
from apps.warehouse.models.code import (
    Commit,
    PullRequest,
    PullRequestComment,
    PullRequestCommit,
    Repository,
    Review,
)
from apps.warehouse.models.delivery import Deployment, Release, WorkflowRun
from apps.warehouse.models.documents import Document
from apps.warehouse.models.links import PullRequestIssueLink, ResolvedLink
from apps.warehouse.models.names import ScopeName
from apps.warehouse.models.people import User
from apps.warehouse.models.work import (
    Issue,
    IssueChange,
    IssueComment,
    IssueKey,
    IssueLink,
    Project,
    ProjectStatus,
    Sprint,
    Status,
    WorkItemType,
)

MODELS: dict[str, type[LoadedModel]] = {
    rows.User.table: User,
    rows.ScopeName.table: ScopeName,
    rows.Project.table: Project,
    rows.WorkItemType.table: WorkItemType,
    rows.Status.table: Status,
    rows.ProjectStatus.table: ProjectStatus,
    rows.Sprint.table: Sprint,
    rows.Issue.table: Issue,
    rows.IssueChange.table: IssueChange,
    rows.IssueKey.table: IssueKey,
    rows.IssueLink.table: IssueLink,
    rows.IssueComment.table: IssueComment,
    rows.Repository.table: Repository,
    rows.PullRequest.table: PullRequest,
    rows.Commit.table: Commit,
    rows.PullRequestCommit.table: PullRequestCommit,
    rows.Review.table: Review,
    rows.PullRequestComment.table: PullRequestComment,
    rows.Release.table: Release,
    rows.Deployment.table: Deployment,
    rows.WorkflowRun.table: WorkflowRun,
    rows.PullRequestIssueLink.table: PullRequestIssueLink,
}

__all__ = [
    "MODELS",
    "Commit",
    "Deployment",
    "Document",
    "Issue",
    "IssueChange",
    "IssueComment",
    "IssueKey",
    "IssueLink",
    "LoadedModel",
    "Project",
    "ProjectStatus",
    "PullRequest",
    "PullRequestComment",
    "PullRequestCommit",
    "PullRequestIssueLink",
    "Release",
    "Repository",
    "ResolvedLink",
    "Review",
    "ScopeName",
    "Sprint",
    "Status",
    "User",
    "WorkItemType",
    "WorkflowRun",
]
