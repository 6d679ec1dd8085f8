"""What is Jira to the pipeline? The source that reads a Jira Cloud site."""

from dataclasses import replace

from apps.sources.base import (
    Connection,
    ConnectionReport,
    Context,
    Deletion,
    Estimate,
    Fetched,
    Slice,
    SourceRecord,
    Transformed,
)
from apps.sources.errors import SourceError
from apps.sources.http import Http, HttpOptions, host
from apps.sources.jira.check import check
from apps.sources.jira.client import ACCOUNT, site_url
from apps.sources.jira.definition import DEFINITION
from apps.sources.jira.estimate import estimate
from apps.sources.jira.extract import FETCHERS, STARTERS
from apps.sources.jira.extract.refusals import probe, refused
from apps.sources.jira.transform import TRANSFORMERS
from apps.sources.jira.transform.deletions import transform_deletion
from apps.sources.rows import IssueKey
from apps.sources.transforming import transform_record

__all__ = ["Jira"]


class Jira:
    """Implements :class:`~apps.sources.base.Source` for Jira Cloud (REST v3, bulk calls)."""

    definition = DEFINITION

    def http(self, connection: Connection, options: HttpOptions = HttpOptions()) -> Http:
        """A client with e-mail and API token, or with a bearer token if there is no user name."""
        options = replace(options, provider=self.definition.title, account_path=ACCOUNT)
        if connection.username:
            options = replace(options, auth=(connection.username, connection.token))
        else:
            options = replace(options, headers={"Authorization": f"Bearer {connection.token}", **options.headers})
        return Http(site_url(connection.base_url), options)

    def quota_key(self, connection: Connection) -> str:
        """The site, because all tokens of a site share its limits."""
        return host(connection.base_url)

    def test(self, connection: Connection, http: Http) -> ConnectionReport:
        """Try the site, the account and its projects."""
        return check(connection, http)

    def start(self, step: str, context: Context) -> list[Slice]:
        """The first slices of a step; ``KeyError`` for an unknown one."""
        return STARTERS[step](context)

    def fetch(self, step: str, slice_: Slice, context: Context) -> Fetched:
        """Fetch one slice; its ``kind`` is unique among all steps."""
        return FETCHERS[slice_.kind](slice_, context)

    def probe(self, context: Context) -> None:
        """Ask for the account."""
        probe(context)

    def refused(self, step: str, slice_: Slice, error: SourceError, context: Context) -> Fetched:
        """A skip, unless nothing can be loaded without the slice."""
        return refused(slice_, error, context)

    def estimate(self, context: Context) -> list[Estimate]:
        """What a run would fetch, counted with few requests."""
        return estimate(context)

    def transform_deletion(self, deletion: Deletion) -> Transformed:
        """The rows for a deleted object."""
        return transform_deletion(deletion)

    def transform(self, record: SourceRecord, context: Context) -> Transformed:
        """The rows of one record; ``KeyError`` for an unknown entity."""
        return transform_record(TRANSFORMERS, record, context, named=IssueKey)
