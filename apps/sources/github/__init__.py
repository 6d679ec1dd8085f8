"""How is GitHub (or GitHub Enterprise) loaded? The source: repositories, deliveries, pull requests."""

from dataclasses import replace
from hashlib import blake2b

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
from apps.sources.github.check import check
from apps.sources.github.client import API_VERSION, RATE_LIMIT, Client
from apps.sources.github.definition import DEFINITION
from apps.sources.github.estimate import estimate
from apps.sources.github.extract import dispatch
from apps.sources.github.extract.refusals import probe, refused
from apps.sources.github.transform import records
from apps.sources.github.transform.deletions import transform_deletion
from apps.sources.http import Http, HttpOptions, host

PUBLIC_SITES = frozenset({"https://github.com", "https://www.github.com"})


def api_url(base_url: str) -> str:
    """The URL of the API. People often enter the address of the public site."""
    base_url = base_url.rstrip("/")
    return "https://api.github.com" if base_url in PUBLIC_SITES else base_url


class GitHub:
    """The :class:`~apps.sources.base.Source` for GitHub."""

    definition = DEFINITION

    def http(self, connection: Connection, options: HttpOptions = HttpOptions()) -> Http:
        """A client with the token as bearer and a fixed API version."""
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        options = replace(
            options,
            provider=self.definition.title,
            headers={**headers, **options.headers},
            account_path=RATE_LIMIT,
        )
        return Http(api_url(connection.base_url), options)

    def quota_key(self, connection: Connection) -> str:
        """The token at its site, because each token has its own points."""
        return f"{host(api_url(connection.base_url))}:{blake2b(connection.token.encode(), digest_size=8).hexdigest()}"

    def test(self, connection: Connection, http: Http) -> ConnectionReport:
        """Try the token and look for the named repositories."""
        return check(connection, Client(http))

    def start(self, step: str, context: Context) -> list[Slice]:
        """The first slices of a step."""
        return dispatch.start(step, context)

    def fetch(self, step: str, slice_: Slice, context: Context) -> Fetched:
        """Fetch one slice."""
        return dispatch.fetch(slice_, context)

    def probe(self, context: Context) -> None:
        """Ask for the rate limit."""
        probe(context)

    def refused(self, step: str, slice_: Slice, error: SourceError, context: Context) -> Fetched:
        """A skip, unless nothing can be loaded without the slice."""
        return refused(slice_, error, context)

    def transform_deletion(self, deletion: Deletion) -> Transformed:
        """The rows for a deleted object."""
        return transform_deletion(deletion)

    def estimate(self, context: Context) -> list[Estimate]:
        """What a run would fetch, counted in few requests."""
        return estimate(context)

    def transform(self, record: SourceRecord, context: Context) -> Transformed:
        """The rows of one record."""
        return records.transform(record, context)
