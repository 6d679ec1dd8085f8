"""How are the sample Jira and GitHub servers started? `manage.py sandbox --port P`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.sandbox.config import Options
from apps.sandbox.faults import FaultScriptError
from apps.sandbox.server import serve


class Command(BaseCommand):
    help = "Sample Jira and GitHub servers with a believable data set, for trying, testing and measuring."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
        parser.add_argument("--seed", type=int, default=1, help="equal seeds give equal data")
        parser.add_argument("--issues", type=int, default=2000)
        parser.add_argument("--prs", type=int, default=300)
        parser.add_argument(
            "--large-issues", type=int, default=0, help="so many have texts of 1 MB, 500 comments or 2,000 histories"
        )
        parser.add_argument("--ids-per-page", type=int, default=5000, help="issue ids in a page of Jira's search")
        parser.add_argument("--latency-ms", type=float, default=0.0, help="added to every answer")
        parser.add_argument("--faults", type=Path, default=None, help="JSON file with a fault script")

    def handle(self, *args: Any, **given: Any) -> None:
        names = ("host", "port", "seed", "issues", "prs", "large_issues", "ids_per_page", "latency_ms", "faults")
        try:
            options = Options(**{name: given[name] for name in names})
            serve(options, self._announce)
        except (ValueError, FaultScriptError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"Cannot listen on {given['host']}:{given['port']}: {error.strerror}.") from error

    def _announce(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
