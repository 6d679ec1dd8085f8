"""How are jobs controlled from the terminal? Run, schedule, list, pause, resume, stop, retry, reset."""

import getpass
import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime

from apps.jobs import selectors, watch
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.execution.estimate import estimate
from apps.jobs.forms import problems, settings_form
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.controls import RUN_CONTROLS
from apps.jobs.lifecycle.planning import coming_runs, schedule_of
from apps.jobs.lifecycle.run_request import InvalidRequestError, RunRequest, build_request
from apps.jobs.lifecycle.transitions import WrongStateError
from apps.jobs.models import Job, Run
from apps.progress.choices import RunState
from apps.sources.errors import SourceError
from apps.sources.text import clean
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_named


class Command(BaseCommand):
    help = "Run, schedule and control jobs. The exit status is 0 only if the command has done what it was asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        _add_run(commands.add_parser("run", help="Start a run. A failed job starts a new run."))
        _add_schedule(commands.add_parser("schedule", help="Show or change when a job runs."))
        for name, control in RUN_CONTROLS.items():
            commands.add_parser(name, help=control.effect)
        commands.add_parser("list", help="List the jobs.")
        for name, command in commands.choices.items():
            if name != "list":
                command.add_argument("name", metavar="NAME")
                command.add_argument("--reason", type=clean, default="", help="The reason, for the history.")
            command.add_argument("--tenant", metavar="SLUG")
            command.add_argument("--json", action="store_true", help="Print only one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = tenant_named(options["tenant"]) if options["tenant"] else None
            if options["command"] == "list":
                jobs = selectors.jobs_of(tenant) if tenant else Job.across_tenants.all()
                self._print({"jobs": [_job(job) for job in jobs]}, options)
                return
            job = selectors.job_named(options["name"], tenant)
            self._act(job, options)
        except (
            Tenant.DoesNotExist,
            selectors.UnknownJobError,
            WrongStateError,
            InvalidRequestError,
            SourceError,
        ) as error:
            raise CommandError(str(error)) from error

    def _act(self, job: Job, options: dict[str, Any]) -> None:
        if options["command"] == "run":
            request = _request(job, options)
            self._estimate(job, request, options) if options["dry_run"] else self._run(job, request, options)
        elif options["command"] == "schedule":
            self._schedule(job, options)
        else:
            RUN_CONTROLS[options["command"]].perform(job, actor=_actor(), reason=options["reason"])
            job.refresh_from_db()
            self._print(_job(job), options)

    def _run(self, job: Job, request: RunRequest, options: dict[str, Any]) -> None:
        run = services.start(job, actor=_actor(), request=request, reason=options["reason"])
        if options["wait"]:
            run = watch.until_ended(run)
        self._print(_result(run), options)
        if options["wait"] and run.state != RunState.FINISHED:
            raise CommandError(run.error or f"The run ended as {run.state.lower()}.")

    def _estimate(self, job: Job, request: RunRequest, options: dict[str, Any]) -> None:
        found = estimate(job, request)
        rows = [msgspec.to_builtins(one) for one in found]
        self._print({"job": job.name, "records": sum(one.records for one in found), "estimates": rows}, options)

    def _schedule(self, job: Job, options: dict[str, Any]) -> None:
        if options["every"] is None and options["rule"] is None and options["zone"] is not None:
            raise CommandError("--zone belongs to --rule.")
        values = {"interval_minutes": options["every"], "rule": options["rule"], "time_zone": options["zone"]}
        values = {name: value for name, value in values.items() if value is not None}
        if options["every"] is not None:
            values["rule"] = ""
        if values:
            form = settings_form(job, values)
            if not form.is_valid():
                raise CommandError(" ".join(problems(form).values()))
            form.store(actor=_actor(), reason=options["reason"])
        planned = schedule_of(job)
        coming = [moment.astimezone(planned.zone).isoformat() for moment in coming_runs(job)]
        self._print({"job": job.name, "schedule": str(planned), "next": coming}, options)

    def _print(self, result: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(result, default=str))
            return
        for row in result.get("jobs", result.get("estimates", [result])):
            self.stdout.write("  ".join(f"{key}: {value}" for key, value in row.items() if not isinstance(value, dict)))


def _add_run(run: ArgumentParser) -> None:
    run.add_argument("--full", action="store_true", help="Read everything again, not only the changes.")
    run.add_argument(
        "--retransform", action="store_true", help="Transform the stored records again, without the provider."
    )
    run.add_argument("--since", metavar="TIME", help="A range: changes since this day or time (ISO 8601).")
    run.add_argument("--until", metavar="TIME", help="A range: changes before this day or time (ISO 8601).")
    run.add_argument(
        "--scope", metavar="KEY", action="append", help="A range: only this project or repository. Can be repeated."
    )
    run.add_argument("--sweep", action="store_true", help="Also look for deleted and moved records.")
    how = run.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="Only print how many records it would fetch.")
    how.add_argument("--wait", action="store_true", help="Show the progress until the run ends.")


def _add_schedule(command: ArgumentParser) -> None:
    when = command.add_mutually_exclusive_group()
    when.add_argument("--every", metavar="MIN", type=int, help="Run by interval: minutes from one start to the next.")
    when.add_argument("--rule", metavar="RULE", help="Run by a cron rule in local time, such as '0 6 * * 1-5'.")
    command.add_argument("--zone", metavar="ZONE", help="The time zone of the rule, such as Europe/Berlin.")


def _actor() -> str:
    return f"{getpass.getuser()} (command line)"


def _request(job: Job, options: dict[str, Any]) -> RunRequest:
    since, until = (_time(name, options[name]) for name in ("since", "until"))
    scopes = options["scope"] or []
    is_range = since or until or scopes
    if is_range and options["full"]:
        raise CommandError("--full reads everything: leave out --since, --until and --scope.")
    if options["retransform"] and (is_range or options["full"]):
        raise CommandError(
            "--retransform reads nothing from the provider: leave out --full, --since, --until and --scope."
        )
    if options["retransform"]:
        mode = RunMode.RETRANSFORM
    else:
        mode = RunMode.RANGE if is_range else RunMode.FULL if options["full"] else RunMode.INCREMENTAL
    return build_request(job, mode, since=since, until=until, scopes=scopes, sweep=options["sweep"])


def _time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--{name} must be a day or time such as 2026-01-31 or 2026-01-31T12:00Z, not {text!r}.")
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
