"""What does the product do, in three minutes? The demonstration runs the commands of a user against the sandbox.

Every command is a process of ``manage.py``, so the demonstration uses nothing that a user does not have.
"""

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from apps.stack.files import kept_secret, private_folder, write_private
from apps.stack.ports import free_port
from apps.stack.processes import Program
from apps.stack.services.base import StackError
from etlproject.settings.env import BASE_DIR

TENANT, USER = "demo", "demo"
JIRA, GITHUB, VECTORIZATION = "sandbox-jira", "sandbox-github", "vectorization"
ISSUES, PULL_REQUESTS = 1000, 300
QUESTION = "refund booked two times"
# A public sample credential of the sandbox.
SANDBOX_TOKEN = "sandbox-token"  # noqa: S105


@dataclass(frozen=True)
class ResultLine:
    """A line of the result. ``truth`` is the sandbox's name of the kind, or several names whose numbers are added."""

    title: str
    truth: str
    job: str
    table: str
    entity: str = ""
    is_embedded: bool = False


RESULT_LINES = (
    ResultLine("Projects", "projects", JIRA, "project", "project"),
    ResultLine("Issues", "issues", JIRA, "issue", "issue", is_embedded=True),
    ResultLine("Changelog items", "changelog_items", JIRA, "issue_change"),
    ResultLine("Comments", "comments", JIRA, "issue_comment", is_embedded=True),
    ResultLine("Sprints", "sprints", JIRA, "sprint", "sprint"),
    ResultLine("Repositories", "repositories", GITHUB, "repository", "repository"),
    ResultLine("Pull requests", "pull_requests", GITHUB, "pull_request", "pull_request", is_embedded=True),
    ResultLine("Commits", "commits", GITHUB, "commit"),
    ResultLine("Reviews", "reviews", GITHUB, "review", is_embedded=True),
    ResultLine(
        "Comments on pull requests", "review_comments+issue_comments", GITHUB, "pull_request_comment", is_embedded=True
    ),
    ResultLine("Deployments", "deployments", GITHUB, "deployment", "deployment"),
    ResultLine("Workflow runs", "workflow_runs", GITHUB, "workflow_run", "workflow_run"),
    ResultLine("Links issue ↔ pull request", "links", "", "pull_request_issue_link"),
)


class Demo:
    """The demonstration on the running stack in ``data``."""

    def __init__(self, data: Path, console: Console) -> None:
        self.data, self.console = data, console
        self.password = kept_secret(private_folder(data / "secrets") / "demo-user", lambda: secrets.token_urlsafe(12))
        self.sandbox = _sandbox(data)

    def prepare(self) -> None:
        """Make the sandbox, a tenant, a user and two integrations, as far as they are missing."""
        self.sandbox.start()
        known = {row["name"] for row in self._json("integration", "list")["integrations"]}
        if not known:
            self._command("tenant", "add", TENANT, "--name", "Demonstration")
            self._command(
                *("member", "add", USER, "--tenant", TENANT, "--role", "admin", "--superuser"),
                *("--password-env", "DEMO_PASSWORD"),
            )
        for provider, name in (("jira", JIRA), ("github", GITHUB)):
            if name not in known:
                address = f"http://127.0.0.1:{self.sandbox.port}/{provider}"
                self._command(
                    *("integration", "add", "--tenant", TENANT, "--provider", provider, "--name", name),
                    *("--base-url", address, "--username", "demo@example.com" if provider == "jira" else ""),
                    *("--token-env", "SANDBOX_TOKEN"),
                )

    def run(self) -> None:
        """Run the three jobs with live bars, then show their results; raises ``StackError`` when one fails."""
        results = {job: self._json("job", "run", job, "--wait") for job in (JIRA, GITHUB, VECTORIZATION)}
        self._show_counts({job: result["counts"] for job, result in results.items()})
        self._show_search()

    def _show_counts(self, counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
        truth = self._truth()
        table = Table(
            title="Records of the source and of the product",
            caption="Only records with a text are embedded; a review, for example, may have none.",
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("Kind")
        for heading in ("in the source", "extracted", "loaded", "embedded", "set aside"):
            table.add_column(heading, justify="right")
        for line in RESULT_LINES:
            table.add_row(line.title, *_cells(line, truth, counts))
        self.console.print(table)

    def _show_search(self) -> None:
        table = Table(title=f"Search: “{QUESTION}”", title_justify="left", expand=True)
        for heading, width in (("score", 5), ("kind", 13), ("key", 16)):
            table.add_column(heading, overflow="ellipsis", no_wrap=True, width=width)
        table.add_column("text", overflow="ellipsis", no_wrap=True, ratio=1)
        for hit in self._json("search", QUESTION, "--tenant", TENANT, "--limit", "3")["hits"]:
            table.add_row(f"{hit['score']:.2f}", hit["kind"].replace("_", " "), hit["key"], hit["title"])
        self.console.print(table)

    def _truth(self) -> dict[str, Any]:
        address = f"http://127.0.0.1:{self.sandbox.port}/_sandbox/truth"
        with urllib.request.urlopen(address, timeout=30) as answer:
            truth: dict[str, Any] = json.load(answer)
        return truth

    def _command(self, *words: str, output: int | None = None) -> str:
        environment = {**os.environ, "SANDBOX_TOKEN": SANDBOX_TOKEN, "DEMO_PASSWORD": self.password}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, str(BASE_DIR / "manage.py"), *words]
        done = subprocess.run(command, env=environment, stdout=output, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise StackError(f"`manage.py {' '.join(words)}` failed; the lines above say why.")
        return done.stdout or ""

    def _json(self, *words: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._command(*words, "--json", output=subprocess.PIPE))
        return answer


def _sandbox(data: Path) -> Program:
    """The sample servers, always at the same address, because the stored integrations name it."""
    memory = data / "sandbox.port"
    known = int(memory.read_text()) if memory.is_file() else None
    port = free_port(known)
    if known not in (None, port):
        raise StackError(
            f"Another program uses port {known}, which the demonstration's integrations name. "
            "Stop that program, or remove the folder var to begin anew."
        )
    write_private(memory, str(port))
    arguments = [str(BASE_DIR / "manage.py"), "sandbox", "--port", str(port)]
    arguments += ["--issues", str(ISSUES), "--prs", str(PULL_REQUESTS)]
    return Program("sandbox", data, arguments, dict(os.environ), port=port, health="/_sandbox/truth")


def _cells(
    line: ResultLine, truth: Mapping[str, Any], counts: Mapping[str, Mapping[str, Mapping[str, int]]]
) -> tuple[str, ...]:
    """In the source, extracted, loaded, embedded, set aside; a dash where a column does not apply."""
    source = sum(truth[name] for name in line.truth.split("+"))
    jobs = [line.job] if line.job else [JIRA, GITHUB]

    def number(column: str, name: str) -> int:
        return sum(counts[job].get(column, {}).get(name, 0) for job in jobs)

    show: Callable[[int], str] = "{:,}".format
    return (
        show(source),
        show(number("extracted", line.entity)) if line.entity else "–",
        show(number("loaded", line.table)),
        show(number("embedded", line.table)) if line.is_embedded else "–",
        show(number("set_aside", line.entity or line.table)),
    )
