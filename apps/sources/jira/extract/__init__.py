"""Which slices make up the Jira job, and which function fetches each kind?"""

from collections.abc import Callable

from apps.sources.base import Context, Fetched, Slice
from apps.sources.jira import definition
from apps.sources.jira.extract import (
    changelogs,
    comments,
    deletions,
    development,
    issues,
    parents,
    relations,
    site,
    sweep,
)

STARTERS: dict[str, Callable[[Context], list[Slice]]] = {
    definition.PROJECTS: site.start,
    definition.RELATIONSHIPS: relations.start,
    definition.ISSUES: lambda context: issues.start(context) + sweep.start(context),
    definition.DEV_STATUS: development.start,
}

FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = (
    site.FETCHERS
    | relations.FETCHERS
    | issues.FETCHERS
    | changelogs.FETCHERS
    | comments.FETCHERS
    | parents.FETCHERS
    | sweep.FETCHERS
    | deletions.FETCHERS
    | development.FETCHERS
)
