"""The views over the loaded tables: links that are resolved, and texts that can be embedded."""

from django.db import migrations

# Views run with the rights of who reads them, so that the walls between tenants hold for them too.

# Jira's panel names an issue of its own integration by id, GitHub's texts name a key of any integration of the tenant.
RESOLVED_LINK = """
CREATE VIEW warehouse_resolved_link WITH (security_invoker = true) AS
SELECT known.tenant_id, known.link_id, pull_request.id AS pull_request_id, known.issue_id, known.evidence, known.excerpt
FROM (
    SELECT link.tenant_id, link.id AS link_id, issue.id AS issue_id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_issue AS issue
        ON issue.integration_id = link.integration_id AND issue.external_id = link.issue
    WHERE link.issue <> '' AND link.deleted_at IS NULL AND issue.deleted_at IS NULL
    UNION ALL
    SELECT link.tenant_id, link.id, issue.id, link.pull_request_url, link.evidence, link.excerpt
    FROM warehouse_pullrequestissuelink AS link
    JOIN warehouse_issue AS issue
        ON issue.tenant_id = link.tenant_id AND upper(issue.key) = upper(link.issue_key)
    WHERE link.issue = '' AND link.issue_key <> '' AND link.deleted_at IS NULL AND issue.deleted_at IS NULL
) AS known
LEFT JOIN warehouse_pullrequest AS pull_request
    ON pull_request.tenant_id = known.tenant_id AND lower(pull_request.url) = lower(known.pull_request_url)
    AND pull_request.deleted_at IS NULL
"""


def name_of(user: str) -> str:
    """The display name, else the login, of a joined user; null when neither is known."""
    return f"coalesce(nullif({user}.display_name, ''), nullif({user}.login, ''))"


def join(table: str, alias: str, reference: str) -> str:
    """The join to the record of the same integration that the column ``reference`` names."""
    row = reference.split(".")[0]
    return f"""LEFT JOIN {table} AS {alias}
    ON {alias}.integration_id = {row}.integration_id AND {alias}.external_id = {reference}"""


def columns(kind: str) -> str:
    """Which row a document is."""
    return f"{kind}.tenant_id, {kind}.integration_id, '{kind}'::text AS kind, {kind}.external_id, {kind}.id AS row_id"


def title_and_body(title: str, body: str) -> str:
    """Both, with a blank line between; one of them when the other is empty."""
    return rf"concat_ws(E'\n\n', nullif({title}, ''), nullif({body}, ''))"


ISSUE = f"""
SELECT {columns("issue")}, {title_and_body("issue.summary", "issue.description")} AS text,
    project.key AS scope, issue.key AS key, status.name AS status, {name_of("author")} AS author,
    array_remove(ARRAY[{name_of("assignee")}], NULL) AS assignees, issue.created_at, issue.updated_at
FROM warehouse_issue AS issue
{join("warehouse_project", "project", "issue.project")}
{join("warehouse_status", "status", "issue.status")}
{join("warehouse_user", "author", "issue.reporter")}
{join("warehouse_user", "assignee", "issue.assignee")}
WHERE issue.deleted_at IS NULL
"""

ISSUE_COMMENT = f"""
SELECT {columns("issue_comment")}, issue_comment.body, project.key, issue.key, status.name, {name_of("author")},
    '{{}}'::text[], issue_comment.created_at, coalesce(issue_comment.updated_at, issue_comment.created_at)
FROM warehouse_issuecomment AS issue_comment
{join("warehouse_issue", "issue", "issue_comment.issue")}
{join("warehouse_project", "project", "issue.project")}
{join("warehouse_status", "status", "issue.status")}
{join("warehouse_user", "author", "issue_comment.author")}
WHERE issue_comment.deleted_at IS NULL AND issue.deleted_at IS NULL
"""

NUMBER = "repository.full_name || '#' || pull_request.number"

PULL_REQUEST = f"""
SELECT {columns("pull_request")}, {title_and_body("pull_request.title", "pull_request.body")},
    repository.full_name, {NUMBER}, pull_request.state, {name_of("author")},
    ARRAY(
        SELECT {name_of("assignee")} FROM warehouse_user AS assignee
        WHERE assignee.integration_id = pull_request.integration_id
            AND assignee.external_id = ANY (pull_request.assignees) AND {name_of("assignee")} IS NOT NULL
        ORDER BY 1
    ), pull_request.created_at, pull_request.updated_at
FROM warehouse_pullrequest AS pull_request
{join("warehouse_repository", "repository", "pull_request.repository")}
{join("warehouse_user", "author", "pull_request.author")}
WHERE pull_request.deleted_at IS NULL
"""


def of_pull_request(kind: str, table: str, status: str, created_at: str, updated_at: str) -> str:
    """The documents of one kind of remark on a pull request."""
    return f"""
SELECT {columns(kind)}, {kind}.body, repository.full_name, {NUMBER}, {status}, {name_of("author")},
    '{{}}'::text[], {created_at}, coalesce({updated_at}, {created_at})
FROM {table} AS {kind}
{join("warehouse_pullrequest", "pull_request", f"{kind}.pull_request")}
{join("warehouse_repository", "repository", "pull_request.repository")}
{join("warehouse_user", "author", f"{kind}.author")}
WHERE {kind}.deleted_at IS NULL AND pull_request.deleted_at IS NULL
"""


REVIEW = of_pull_request("review", "warehouse_review", "review.state", "review.submitted_at", "review.submitted_at")

PULL_REQUEST_COMMENT = of_pull_request(
    "pull_request_comment",
    "warehouse_pullrequestcomment",
    "pull_request.state",
    "pull_request_comment.created_at",
    "pull_request_comment.updated_at",
)


def iso(column: str) -> str:
    """The time in UTC as ISO 8601: the same text whatever the time zone of the session."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


# LEFT JOINs, and "deleted_at IS NULL" for the parent as well: a remark whose parent is not loaded yet is a document,
# one whose parent is gone is none.
DOCUMENT = f"""
CREATE VIEW warehouse_document WITH (security_invoker = true) AS
SELECT tenant_id, integration_id, kind, external_id, row_id, text, md5(text) AS text_hash,
    jsonb_build_object(
        'scope', scope, 'key', key, 'status', status, 'author', author, 'assignees', assignees,
        'created_at', {iso("created_at")}, 'updated_at', {iso("updated_at")}
    ) AS payload
FROM ({"UNION ALL".join((ISSUE, ISSUE_COMMENT, PULL_REQUEST, REVIEW, PULL_REQUEST_COMMENT))}) AS document
WHERE text ~ '\\S'
"""


class Migration(migrations.Migration):
    dependencies = [("warehouse", "0001_initial")]

    operations = [
        migrations.RunSQL(RESOLVED_LINK, "DROP VIEW warehouse_resolved_link"),
        migrations.RunSQL(DOCUMENT, "DROP VIEW warehouse_document"),
    ]
