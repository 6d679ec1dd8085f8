"""How is GitHub (or GitHub Enterprise) loaded? The source: repositories, deliveries, pull requests."""

from hashlib import blake2b
from typing import Any

from apps.sources.base import Connection, ConnectionReport, Context, Fetched, RawRecord, Slice, Transformed
from apps.sources.github import extract, transform
from apps.sources.github.check import check
from apps.sources.github.client import API_VERSION, Client
from apps.sources.github.definition import DEFINITION
from apps.sources.http import Http, host

PUBLIC_SITES = frozenset({"https://github.com", "https://www.github.com"})


class GitHub:
    """The :class:`~apps.sources.base.Source` for GitHub."""

    definition = DEFINITION

    def http(self, connection: Connection, **options: Any) -> Http:
        """A client with the token as bearer and a fixed API version."""
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        base_url = connection.base_url.rstrip("/")
        if base_url in PUBLIC_SITES:
            base_url = "https://api.github.com"
        return Http(base_url, headers=headers, **options)

    def allowance(self, connection: Connection) -> str:
        """The token at its site: each token has points of its own."""
        return f"{host(connection.base_url)}:{blake2b(connection.token.encode(), digest_size=8).hexdigest()}"

    def test(self, connection: Connection, http: Http) -> ConnectionReport:
        """Try the token and look for the named repositories."""
        return check(connection, Client(http))

    def start(self, step: str, context: Context) -> list[Slice]:
        """The first slices of a step."""
        return extract.start(step, context)

    def fetch(self, step: str, piece: Slice, context: Context) -> Fetched:
        """Fetch one slice."""
        return extract.fetch(piece, context)

    def transform(self, record: RawRecord, context: Context) -> Transformed:
        """The rows of one record."""
        return transform.transform(record, context)
