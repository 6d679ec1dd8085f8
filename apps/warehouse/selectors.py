"""What is loaded? The numbers of live rows, names, and which pull request belongs to which issue."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from django.db.models import Count, QuerySet, Value
from psycopg import sql

from apps.core.sql import rows
from apps.integrations.models import Integration
from apps.tenants.models import Tenant
from apps.warehouse.models import (
    MODELS,
    Commit,
    Deployment,
    Issue,
    IssueChange,
    IssueComment,
    IssueKey,
    IssueLink,
    LoadedModel,
    Project,
    PullRequest,
    PullRequestComment,
    PullRequestCommit,
    Release,
    Repository,
    ResolvedLink,
    Review,
    WorkflowRun,
)

# The column that names the project or repository of a row: its own, or its parent's (column, parent).
OWN = {Issue: "project"} | dict.fromkeys((PullRequest, Commit, Release, Deployment, WorkflowRun), "repository")
OF_PARENT: dict[type[LoadedModel], tuple[str, type[LoadedModel]]] = {
    IssueChange: ("issue", Issue),
    IssueKey: ("issue", Issue),
    IssueLink: ("issue", Issue),
    IssueComment: ("issue", Issue),
    PullRequestCommit: ("pull_request", PullRequest),
    Review: ("pull_request", PullRequest),
    PullRequestComment: ("pull_request", PullRequest),
}
SCOPES: dict[str, tuple[type[LoadedModel], str]] = {
    "project": (Project, "key"),
    "repository": (Repository, "full_name"),
}

COUNT_OWN = """
SELECT {name}, scope.{title}, count(*) FROM {table} AS counted
JOIN {scopes} AS scope
    ON scope.integration_id = counted.integration_id AND scope.external_id = counted.{scope}
WHERE counted.integration_id = %(integration)s AND counted.deleted_at IS NULL GROUP BY scope.{title}
"""
COUNT_OF_PARENT = """
SELECT {name}, scope.{title}, count(*) FROM {table} AS counted
JOIN {parents} AS parent
    ON parent.integration_id = counted.integration_id AND parent.external_id = counted.{parent}
JOIN {scopes} AS scope ON scope.integration_id = parent.integration_id AND scope.external_id = parent.{scope}
WHERE counted.integration_id = %(integration)s AND counted.deleted_at IS NULL GROUP BY scope.{title}
"""


class Announced(NamedTuple):
    """A column of a parent that says how many children it has; ``part`` is the ``kind`` of these children, if any."""

    parent: type[LoadedModel]
    column: str
    child: type[LoadedModel]
    part: str = ""


ANNOUNCED = (
    Announced(Issue, "comment_count", IssueComment),
    Announced(PullRequest, "commit_count", PullRequestCommit),
    Announced(PullRequest, "review_count", Review),
    Announced(PullRequest, "comment_count", PullRequestComment, "issue"),
)
MISSING_CHILDREN = """
SELECT {name}, coalesce(scope.{title}, ''), sum(announced - loaded)::bigint,
    (array_agg(family.external_id ORDER BY family.id))[:%(max_parents)s]
FROM (
    SELECT parent.id, parent.external_id, parent.{scope} AS place, parent.{count} AS announced, (
        SELECT count(*) FROM {children} AS child
        WHERE child.integration_id = parent.integration_id AND child.{parent} = parent.external_id
            AND child.deleted_at IS NULL AND {part}
    ) AS loaded
    FROM {parents} AS parent
    WHERE parent.integration_id = %(integration)s AND parent.deleted_at IS NULL AND parent.{count} > 0 AND {judged}
) AS family
LEFT JOIN {scopes} AS scope ON scope.integration_id = %(integration)s AND scope.external_id = family.place
WHERE loaded < announced
GROUP BY scope.{title}
"""


def counts(integration: Integration | int) -> dict[str, int]:
    """The number of live rows of each table, under the table's name in :data:`MODELS`."""
    found = [
        model.across_tenants.filter(integration=integration, deleted_at=None)
        .values(table=Value(name))
        .annotate(number=Count("pk"))
        for name, model in MODELS.items()
    ]
    numbers = {row["table"]: row["number"] for row in found[0].union(*found[1:], all=True)}
    return {name: numbers.get(name, 0) for name in MODELS}


def counts_by_scope(
    integration: Integration | int, tables: Collection[str] = MODELS.keys()
) -> dict[str, dict[str, int]]:
    """For each project key or ``owner/name``, the numbers of live rows of those ``tables`` that have rows."""
    integration_id = integration.pk if isinstance(integration, Integration) else integration
    statements = list(_scope_counts(tables))
    if not statements:
        return {}
    query = sql.SQL("UNION ALL").join(statements)
    numbers: dict[str, dict[str, int]] = {}
    for table, scope, number in rows(query, integration=integration_id):
        numbers.setdefault(scope, {})[table] = number
    return numbers


class NamedScope(NamedTuple):
    """A project or repository: its external id, and its present name ("" if it is not loaded)."""

    external_id: str
    name: str


_NAMED_SCOPES = """
SELECT DISTINCT ON (given.name) given.name, known.scope, coalesce(project.key, repository.full_name, '')
FROM unnest(%(names)s::text[]) AS given (name)
JOIN warehouse_scopename AS known ON upper(known.name) = upper(given.name)
    AND known.integration_id = %(integration)s AND known.deleted_at IS NULL
LEFT JOIN warehouse_project AS project ON project.integration_id = known.integration_id
    AND project.external_id = known.scope AND project.deleted_at IS NULL
LEFT JOIN warehouse_repository AS repository ON repository.integration_id = known.integration_id
    AND repository.external_id = known.scope AND repository.deleted_at IS NULL
ORDER BY given.name, upper(coalesce(project.key, repository.full_name)) = upper(given.name) DESC NULLS LAST,
    known.id DESC
"""


def named_scopes(integration: Integration | int, names: Collection[str]) -> dict[str, NamedScope]:
    """The projects or repositories that have or had these names, by the name as it is given; in any case.

    If one has a name that another one had before, the present owner is meant.
    """
    integration_id = integration.pk if isinstance(integration, Integration) else integration
    found = rows(_NAMED_SCOPES, integration=integration_id, names=list(names)) if names else []
    return {given: NamedScope(external_id, name) for given, external_id, name in found}


_UNKNOWN_REPOSITORIES = """
SELECT address FROM (
    SELECT DISTINCT lower(substring(pull_request_url FROM '^https?://[^/]+/[^/]+/[^/]+(?=/pull/[0-9]+$)')) AS address
    FROM warehouse_pullrequestissuelink WHERE tenant_id = %(tenant)s AND issue <> '' AND deleted_at IS NULL
) AS named
WHERE address IS NOT NULL AND NOT EXISTS (
    SELECT FROM warehouse_scopename AS known
    WHERE known.tenant_id = %(tenant)s AND known.deleted_at IS NULL
        AND upper(known.name) = upper(substring(address FROM '[^/]+/[^/]+$'))
)
ORDER BY address
"""


def unknown_repositories(tenant: Tenant | int) -> list[str]:
    """The addresses of the repositories that issues of a tenant name, and that have and had other names here."""
    found = rows(_UNKNOWN_REPOSITORIES, tenant=tenant.pk if isinstance(tenant, Tenant) else tenant)
    return [address for (address,) in found]


def present_names(integration: Integration | int, names: Collection[str]) -> dict[str, str]:
    """The present name of each project or repository, by the name as it is given; an unknown name stays as it is."""
    named = named_scopes(integration, names)
    return {name: (named[name].name if name in named else "") or name for name in names}


class MissingChildren(NamedTuple):
    """Parents of one project or repository whose children are not all loaded: how many children, which parents."""

    kind: str
    scope: str
    number: int
    parents: list[str]


def missing_children(
    integration_id: int, parents: Mapping[str, Collection[int]] | None, max_parents: int
) -> list[MissingChildren]:
    """The children that the provider has announced with their parents, and that are not loaded.

    ``parents`` are the row ids of the parents to look at, by kind; ``None`` looks at all of them.
    """
    query = sql.SQL("UNION ALL").join(_missing_of(announced, parents) for announced in ANNOUNCED)
    found = rows(query, integration=integration_id, max_parents=max_parents)
    return [MissingChildren(*row) for row in found]


def issue_links(tenant: Tenant | int) -> QuerySet[ResolvedLink]:
    """Which pull requests belong to which issues, and why; it can be filtered by ``issue`` and ``pull_request``."""
    return ResolvedLink.objects.for_tenant(tenant).select_related("issue", "pull_request")


def _missing_of(announced: "Announced", parents: Mapping[str, Collection[int]] | None) -> sql.Composed:
    parent, count, child, part = announced
    column, _ = OF_PARENT[child]
    scopes, title = SCOPES[OWN[parent]]
    judged: sql.Composable = sql.SQL("true")
    if parents is not None:
        ids = list(parents.get(_name(parent), ()))
        judged = sql.SQL("parent.id = ANY ({})").format(sql.Literal(ids))
    return sql.SQL(MISSING_CHILDREN).format(
        name=sql.Literal(_name(child)),
        title=sql.Identifier(title),
        count=sql.Identifier(count),
        children=_table(child),
        parents=_table(parent),
        parent=sql.Identifier(column),
        part=sql.SQL("true" if not part else "child.kind = {}").format(sql.Literal(part)),
        scopes=_table(scopes),
        scope=sql.Identifier(OWN[parent]),
        judged=judged,
    )


def _scope_counts(tables: Collection[str]) -> Iterable[sql.Composed]:
    """One query per table that belongs to projects or repositories."""
    for name in tables:
        model = MODELS[name]
        parent, owner = OF_PARENT.get(model, ("", model))
        if owner not in OWN:
            continue
        scopes, title = SCOPES[OWN[owner]]
        yield sql.SQL(COUNT_OF_PARENT if parent else COUNT_OWN).format(
            name=sql.Literal(name),
            table=_table(model),
            parents=_table(owner),
            parent=sql.Identifier(parent),
            scopes=_table(scopes),
            scope=sql.Identifier(OWN[owner]),
            title=sql.Identifier(title),
        )


def _name(model: type[LoadedModel]) -> str:
    return next(name for name, each in MODELS.items() if each is model)


def _table(model: type[LoadedModel]) -> sql.Identifier:
    return sql.Identifier(model._meta.db_table)
