"""Jobs from the terminal: run, list, pause, resume, stop, retry, reset."""

import getpass
import json
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from apps.jobs import selectors, services, watch
from apps.jobs.choices import Outcome, RunMode, RunState
from apps.jobs.machine import WrongState
from apps.jobs.models import Job, Run
from apps.jobs.services import Scope
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_named

CONTROLS: dict[str, Callable[..., object]] = {**services.CONTROLS, "reset": services.reset}


class Command(BaseCommand):
    help = "Run and control jobs. Exit status 0 only when the thing asked for happened."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        run = commands.add_parser("run", help="Start a run (a failed job begins a new one).")
        run.add_argument("--full", action="store_true", help="Read everything again, not only what changed.")
        run.add_argument("--since", metavar="TIME", help="Only what changed since this day or time (ISO 8601).")
        run.add_argument("--wait", action="store_true", help="Show the progress until the run ends.")
        for name in CONTROLS:
            commands.add_parser(name, help=f"{name.capitalize()} a job.")
        commands.add_parser("list", help="List the jobs.")
        for name, command in commands.choices.items():
            if name != "list":
                command.add_argument("name", metavar="NAME")
            command.add_argument("--tenant", metavar="SLUG")
            command.add_argument("--reason", default="")
            command.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = tenant_named(options["tenant"]) if options["tenant"] else None
            if options["command"] == "list":
                jobs = selectors.jobs_of(tenant) if tenant else Job.across_tenants.all()
                self._print({"jobs": [_job(job) for job in jobs]}, options)
                return
            job = selectors.job_named(options["name"], tenant)
            if options["command"] == "run":
                self._run(job, options)
            else:
                CONTROLS[options["command"]](job, actor=_actor(), **_reason(options))
                job.refresh_from_db()
                self._print(_job(job), options)
        except (Tenant.DoesNotExist, selectors.NoSuchJob, WrongState) as error:
            raise CommandError(str(error)) from error

    def _run(self, job: Job, options: dict[str, Any]) -> None:
        run = services.start(job, actor=_actor(), scope=_scope(options), reason=options["reason"])
        if options["wait"]:
            run = watch.until_ended(run)
        self._print(_result(run), options)
        if options["wait"] and run.state != RunState.FINISHED:
            raise CommandError(run.error or f"The run ended as {run.state.lower()}.")

    def _print(self, result: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str))
            return
        for row in result.get("jobs", [result]):
            self.stdout.write("  ".join(f"{key}: {value}" for key, value in row.items() if not isinstance(value, dict)))


def _actor() -> str:
    return f"{getpass.getuser()} (command line)"


def _reason(options: dict[str, Any]) -> dict[str, str]:
    return {} if options["command"] == "reset" else {"reason": options["reason"]}


def _scope(options: dict[str, Any]) -> Scope:
    if options["since"]:
        return Scope(RunMode.RANGE, since=_time(options["since"]))
    return Scope(RunMode.FULL if options["full"] else RunMode.INCREMENTAL)


def _time(text: str) -> datetime:
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--since must be a day or time such as 2026-01-31 or 2026-01-31T12:00Z, not {text!r}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _job(job: Job) -> dict[str, Any]:
    return {
        "job": job.name,
        "tenant": job.tenant.slug,
        "type": job.job_type,
        "overall": job.state,
        "last_run_finished_at": job.last_run_finished_at,
        "next_run": job.next_run,
        "error": job.error,
    }


def _result(run: Run) -> dict[str, Any]:
    return {
        "run": str(run.pk),
        "job": run.job.name,
        "state": run.state,
        "outcome": Outcome(run.outcome).value,
        "mode": run.mode,
        "seconds": (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None,
        "error": run.error,
        "counts": run.counts,
        "skips": run.skips,
    }
