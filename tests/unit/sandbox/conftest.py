"""Which running sandbox do these tests talk to? A real one in its own process, on a free port."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[3]
JIRA_AUTH = ("reader@meridian.example", "sandbox-token")
GITHUB_HEADERS = {"Authorization": "Bearer sandbox-token"}


@dataclass
class Sandbox:
    """A running sandbox and one keep-alive session."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)

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
        """A control end point; POST when there is a body."""
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


def start(*arguments: str) -> "tuple[subprocess.Popen[str], str]":
    """Start the command; returns the process and its address."""
    command = [sys.executable, str(ROOT / "manage.py"), "sandbox", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(process.communicate(timeout=20)[1])
    return process, line.split()[1].removesuffix("/jira")


def stop(process: "subprocess.Popen[str]") -> int:
    """End the process; returns its exit status."""
    process.terminate()
    status = process.wait(timeout=20)
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
    return status


def running(*arguments: str) -> Iterator[Sandbox]:
    """A sandbox for the time of a fixture."""
    process, base = start(*arguments)
    sandbox = Sandbox(base)
    try:
        yield sandbox
    finally:
        sandbox.session.close()
        stop(process)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The sandbox for tests that only read."""
    yield from running("--issues", "400", "--prs", "80", "--seed", "7")


@pytest.fixture
def fresh_sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own, for tests that change it."""
    yield from running("--issues", "120", "--prs", "40")
