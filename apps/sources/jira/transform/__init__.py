"""Which function makes rows of each kind of raw record?"""

from collections.abc import Callable

from apps.sources.base import Context, SourceRecord, Transformed
from apps.sources.jira.transform import changes, development, issues, site

Transformer = Callable[[SourceRecord, Context], Transformed]

TRANSFORMERS: dict[str, Transformer] = {
    "project": site.project,
    "issue_type": site.issue_type,
    "status": site.status,
    "project_statuses": site.project_statuses,
    "user": site.user,
    "sprint": site.sprint,
    "field": site.no_rows,
    "board": site.no_rows,
    "issue": issues.issue,
    "issue_comments": issues.comments,
    "epic_link": site.no_rows,
    "issue_changelog": changes.changelog,
    "dev_status": development.panel,
}
