"""How do people look into the loaded tables? Read-only, with search and filters, in their own tenants."""

from typing import Any, ClassVar

from django.contrib import admin

from apps.tenants.admin_base import ReadOnlyTenantAdmin
from apps.warehouse import models

IS_DELETED = ("deleted_at", admin.EmptyFieldListFilter)


class LoadedAdmin(ReadOnlyTenantAdmin):
    """Shows the newest rows first, and counts the total once instead of twice: these tables are large."""

    list_filter: ClassVar[tuple[Any, ...]] = ("integration", IS_DELETED)
    list_select_related = ("integration",)
    ordering = ("-pk",)
    show_full_result_count = False


@admin.register(models.User)
class UserAdmin(LoadedAdmin):
    list_display = ("display_name", "login", "email", "account_type", "is_active", "integration")
    list_filter = ("integration", "account_type", "is_active", IS_DELETED)
    search_fields = ("display_name", "login", "email", "external_id")


@admin.register(models.Project)
class ProjectAdmin(LoadedAdmin):
    list_display = ("key", "name", "project_type", "style", "is_archived", "integration")
    list_filter = ("integration", "project_type", "is_archived", IS_DELETED)
    search_fields = ("key", "name", "external_id")


@admin.register(models.ScopeName)
class ScopeNameAdmin(LoadedAdmin):
    list_display = ("name", "scope", "integration")
    search_fields = ("name", "scope")


@admin.register(models.WorkItemType)
class WorkItemTypeAdmin(LoadedAdmin):
    list_display = ("name", "is_subtask", "hierarchy_level", "project", "integration")
    list_filter = ("integration", "is_subtask", IS_DELETED)
    search_fields = ("name", "external_id")


@admin.register(models.Status)
class StatusAdmin(LoadedAdmin):
    list_display = ("name", "category", "project", "integration")
    list_filter = ("integration", "category", IS_DELETED)
    search_fields = ("name", "external_id")


@admin.register(models.ProjectStatus)
class ProjectStatusAdmin(LoadedAdmin):
    list_display = ("project", "work_item_type", "status", "integration")
    search_fields = ("external_id",)


@admin.register(models.Sprint)
class SprintAdmin(LoadedAdmin):
    list_display = ("name", "state", "board", "starts_at", "ends_at", "completed_at", "integration")
    list_filter = ("integration", "state", IS_DELETED)
    search_fields = ("name", "goal", "external_id")


@admin.register(models.Issue)
class IssueAdmin(LoadedAdmin):
    list_display = ("key", "summary", "category", "priority", "updated_at", "integration")
    list_filter = ("integration", "category", "updated_at", IS_DELETED)
    search_fields = ("key", "summary", "external_id")


@admin.register(models.IssueChange)
class IssueChangeAdmin(LoadedAdmin):
    list_display = ("issue", "field", "from_text", "to_text", "changed_at", "integration")
    list_filter = ("integration", "changed_at", IS_DELETED)
    search_fields = ("issue", "field", "from_text", "to_text")


@admin.register(models.IssueKey)
class IssueKeyAdmin(LoadedAdmin):
    list_display = ("key", "issue", "until", "integration")
    list_filter = ("integration", "until", IS_DELETED)
    search_fields = ("key", "issue")


@admin.register(models.IssueLink)
class IssueLinkAdmin(LoadedAdmin):
    list_display = ("issue", "name", "target", "integration")
    list_filter = ("integration", "name", IS_DELETED)
    search_fields = ("issue", "target", "external_id")


@admin.register(models.IssueComment)
class IssueCommentAdmin(LoadedAdmin):
    list_display = ("external_id", "issue", "author", "created_at", "integration")
    list_filter = ("integration", "created_at", IS_DELETED)
    search_fields = ("issue", "body", "external_id")


@admin.register(models.Repository)
class RepositoryAdmin(LoadedAdmin):
    list_display = ("full_name", "language", "is_private", "is_archived", "pushed_at", "integration")
    list_filter = ("integration", "is_private", "is_archived", IS_DELETED)
    search_fields = ("full_name", "description", "external_id")


@admin.register(models.PullRequest)
class PullRequestAdmin(LoadedAdmin):
    list_display = ("number", "title", "state", "repository", "updated_at", "merged_at", "integration")
    list_filter = ("integration", "state", "is_draft", "updated_at", IS_DELETED)
    search_fields = ("title", "url", "head_branch", "external_id")


@admin.register(models.Commit)
class CommitAdmin(LoadedAdmin):
    list_display = ("sha", "message", "author_name", "repository", "committed_at", "integration")
    list_filter = ("integration", "committed_at", IS_DELETED)
    search_fields = ("sha", "message", "author_name", "author_email")


@admin.register(models.PullRequestCommit)
class PullRequestCommitAdmin(LoadedAdmin):
    list_display = ("pull_request", "position", "commit", "integration")
    search_fields = ("pull_request", "commit")


@admin.register(models.Review)
class ReviewAdmin(LoadedAdmin):
    list_display = ("external_id", "pull_request", "state", "author", "submitted_at", "integration")
    list_filter = ("integration", "state", "submitted_at", IS_DELETED)
    search_fields = ("pull_request", "body", "external_id")


@admin.register(models.PullRequestComment)
class PullRequestCommentAdmin(LoadedAdmin):
    list_display = ("external_id", "kind", "pull_request", "author", "created_at", "integration")
    list_filter = ("integration", "kind", "created_at", IS_DELETED)
    search_fields = ("pull_request", "body", "path", "external_id")


@admin.register(models.Release)
class ReleaseAdmin(LoadedAdmin):
    list_display = ("tag", "name", "repository", "is_draft", "is_prerelease", "published_at", "integration")
    list_filter = ("integration", "is_draft", "is_prerelease", IS_DELETED)
    search_fields = ("tag", "name", "external_id")


@admin.register(models.Deployment)
class DeploymentAdmin(LoadedAdmin):
    list_display = ("external_id", "environment", "state", "ref", "repository", "created_at", "integration")
    list_filter = ("integration", "environment", "state", IS_DELETED)
    search_fields = ("sha", "ref", "external_id")


@admin.register(models.WorkflowRun)
class WorkflowRunAdmin(LoadedAdmin):
    list_display = ("name", "number", "event", "status", "conclusion", "branch", "created_at", "integration")
    list_filter = ("integration", "event", "status", "conclusion", IS_DELETED)
    search_fields = ("name", "branch", "sha", "external_id")


@admin.register(models.PullRequestIssueLink)
class PullRequestIssueLinkAdmin(LoadedAdmin):
    list_display = ("pull_request_url", "issue_key", "issue", "evidence", "integration")
    list_filter = ("integration", "evidence", IS_DELETED)
    search_fields = ("pull_request_url", "issue_key", "issue")
