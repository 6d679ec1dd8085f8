"""How are connections to providers managed from the terminal? Add, add-token, test, list."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.integrations import cli
from apps.jobs.lifecycle.creation import create_job


class Command(BaseCommand):
    help = "Add, test and list connections to providers. The exit status is 0 only if that worked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        cli.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        match options["command"]:
            case "add":
                integration = cli.add_integration(options)
                job = create_job(integration)
                self._print(cli.describe(integration) | {"job": job.name}, options)
            case "add-token":
                self._print(cli.describe(cli.add_token(options)), options)
            case "test":
                integration, report = cli.test_integration(options)
                if not report.is_ok:
                    raise CommandError(report.problem)
                for warning in report.warnings:
                    self.stderr.write(f"Warning: {warning}")
                outcome = {"account": report.account, "warnings": list(report.warnings)}
                self._print(cli.describe(integration) | outcome, options)
            case "list":
                found = [cli.describe(integration) for integration in cli.list_integrations(options)]
                self._print({"integrations": found}, options)

    def _print(self, result: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(result))
            return
        for row in result.get("integrations", [result]):
            row["tokens"] = ", ".join(token["label"] for token in row["tokens"])
            self.stdout.write("  ".join(f"{key}: {value}" for key, value in row.items() if value not in (None, "", [])))
