"""Which sandbox do these tests ask? A real one in its own process, on a free port."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import processes

JIRA_AUTH = ("reader@meridian.example", "sandbox-token")
GITHUB_HEADERS = {"Authorization": "Bearer sandbox-token"}


@dataclass
class Sandbox:
    """The address of a running sandbox, and one keep-alive session."""

    base: str
    session: requests.Session

    def jira(self, path: str, json: Any = None, **query: Any) -> requests.Response:
        """GET, or POST when there is a body."""
        method = "GET" if json is None else "POST"
        return self.session.request(
            method, f"{self.base}/jira{path}", params=query, json=json, auth=JIRA_AUTH, timeout=30
        )

    def github(self, path: str, **query: Any) -> requests.Response:
        """GET of a REST path or of a whole address."""
        address = path if path.startswith("http") else f"{self.base}/github{path}"
        return self.session.get(address, params=query, headers=GITHUB_HEADERS, timeout=30)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The decoded answer to a query."""
        body = {"query": query, "variables": variables}
        reply = self.session.post(f"{self.base}/github/graphql", json=body, headers=GITHUB_HEADERS, timeout=30)
        return dict(reply.json())

    def control(self, path: str, json: Any = None) -> Any:
        """A control endpoint; POST when there is a body."""
        method = "GET" if json is None else "POST"
        return self.session.request(method, f"{self.base}/_sandbox/{path}", json=json, timeout=30).json()

    def every(self, path: str, **query: Any) -> list[Any]:
        """All records of a REST list, page after page by Link."""
        found: list[Any] = []
        reply = self.github(path, per_page=100, **query)
        while True:
            found += reply.json()
            if "next" not in reply.links:
                return found
            reply = self.github(reply.links["next"]["url"])

    def repositories(self) -> list[str]:
        """Names of the repositories that have content."""
        return [r["full_name"] for r in self.every("/orgs/meridian-labs/repos") if r["size"]]


def running(folder: Path, **options: int) -> Iterator[Sandbox]:
    """A sandbox for the time of a fixture."""
    with processes.Sandbox(folder, **options) as server, requests.Session() as session:
        yield Sandbox(server.url("").rstrip("/"), session)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The sandbox for tests that only read."""
    yield from running(tmp_path_factory.mktemp("sandbox"), issues=400, prs=80, seed=7)


@pytest.fixture
def fresh_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A new sandbox, for tests that change it."""
    yield from running(tmp_path, issues=120, prs=40)
