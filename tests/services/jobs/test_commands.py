"""Do the commands do what they are asked, say in a sentence what is wrong, and print only JSON when asked to?"""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.jobs.lifecycle import services
from apps.jobs.models import Job, Run, Watermark
from apps.progress.choices import RunState
from tests import platform as platforms
from tests.platform import Platform
from tests.processes import ROOT, TOKEN, Sandbox, free_port


def _call(*words: str) -> dict[str, Any]:
    output = StringIO()
    call_command(*words, "--json", stdout=output)
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


def test_a_command_that_waits_for_the_run_prints_its_numbers(platform: Platform) -> None:
    answer = _call("job", "run", "jira", "--wait")
    assert (answer["state"], answer["outcome"], answer["error"]) == ("FINISHED", "complete", "")
    assert answer["counts"]["loaded"]["issue"] == platform.sandbox.truth()["issues"]


def test_a_range_reads_only_what_changed_since(platform: Platform) -> None:
    answer = _call("job", "run", "jira", "--since", "2100-01-01", "--wait")
    assert answer["mode"] == "range"
    assert answer["counts"]["announced"].get("issue", 0) == 0


def test_a_dry_run_counts_and_stores_nothing(platform: Platform) -> None:
    runs, truth = Run.across_tenants.count(), platform.sandbox.truth()
    answer = _call("job", "run", "jira", "--full", "--dry-run")
    issues = {one["scope"]: one["records"] for one in answer["estimates"] if one["entity"] == "issue"}
    assert issues == {key: project["issues"] for key, project in truth["by_project"].items()}
    assert all(one["exact"] for one in answer["estimates"])
    assert Run.across_tenants.count() == runs


def test_a_range_of_one_project_reads_that_one_and_moves_no_watermark(platform: Platform) -> None:
    _call("job", "run", "jira", "--wait")
    before = dict(Watermark.across_tenants.values_list("scope", "synced_at"))
    answer = _call("job", "run", "jira", "--scope", "pay", "--since", "2020-01-01", "--wait")
    assert answer["mode"] == "range"
    assert answer["counts"]["announced"]["issue"] == platform.sandbox.truth()["by_project"]["PAY"]["issues"]
    assert dict(Watermark.across_tenants.values_list("scope", "synced_at")) == before


def test_a_schedule_is_changed_and_printed_with_its_next_times(platform: Platform) -> None:
    answer = _call("job", "schedule", "vectorization", "--rule", "0 6 * * *", "--zone", "Europe/Berlin")
    assert answer["schedule"] == "At 06:00 every day, Europe/Berlin"
    assert len(answer["next"]) == 5
    assert all("T06:00:00+0" in moment for moment in answer["next"])
    assert _call("job", "schedule", "vectorization", "--every", "90")["schedule"] == "Every 90 minutes"


def test_jobs_are_listed_with_their_state(platform: Platform) -> None:
    jobs = {job["job"]: job for job in _call("job", "list", "--tenant", "acme")["jobs"]}
    assert set(jobs) == {"jira", "github", "vectorization"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("job", "run", "nonsense"), "There is no job 'nonsense'. The jobs are github, jira, vectorization."),
        (("job", "pause", "github"), "cannot pause. Possible now: start."),
        (("job", "run", "jira", "--since", "yesterday"), "must be a day or time such as"),
        (("job", "run", "jira", "--since", "2026-02-01", "--until", "2026-01-01"), "ends before it begins"),
        (("job", "run", "jira", "--scope", "NOPE"), "jira does not know NOPE"),
        (("job", "run", "jira", "--full", "--scope", "PAY"), "--full reads everything"),
        (("job", "run", "vectorization", "--dry-run"), "reads from no provider"),
        (("job", "schedule", "jira", "--rule", "daily"), "A rule has five fields"),
        (("job", "schedule", "jira", "--zone", "Europe/Berlin"), "--zone belongs to --rule"),
        (("job", "list", "--tenant", "nobody"), "There is no tenant 'nobody'"),
    ],
)
def test_a_refusal_is_a_sentence(platform: Platform, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence.replace(".", r"\.")):
        call_command(*words)


def test_an_integration_is_added_with_its_job(
    platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_TOKEN", TOKEN)
    address = ("--provider", "jira", "--base-url", sandbox.url("jira"), "--username", "a@b.c")
    added = _call("integration", "add", "--name", "second", *address, "--project", "PAY", "--token-env", "JIRA_TOKEN")
    assert (added["job"], added["scopes"]) == ("second", ["PAY"])
    assert TOKEN not in json.dumps(added)
    answer = _call("job", "run", "second", "--wait")
    assert answer["counts"]["loaded"]["issue"] == sandbox.truth()["by_project"]["PAY"]["issues"]


def test_a_connection_that_does_not_work_is_not_stored(
    platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "wrong")
    address = ("--provider", "jira", "--base-url", sandbox.url("jira"), "--username", "a@b.c")
    with pytest.raises(CommandError, match="token"):
        call_command("integration", "add", "--name", "third", *address, "--token-env", "JIRA_TOKEN")
    assert not Job.across_tenants.filter(name="third").exists()


def test_a_missing_setting_stops_the_start_with_a_sentence_that_names_it(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin", "DATABASE_URL": "mysql://x", "SECRET_KEY": "x", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "job", "list"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "Error: ENCRYPTION_KEY is not set. Set it in the environment (see .env.example), " + (
        "or run `make up` for the embedded stack."
    )


def test_a_command_does_not_wait_for_a_broker_that_is_away(platform: Platform, sandbox: Sandbox) -> None:
    pause = {"type": "status", "status": 429, "retry_after": 3600}
    sandbox.control("faults", [{"match": "* /jira/", "action": pause}])  # the run cannot end before it is stopped
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "etlproject.settings.test"}
    environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    done = subprocess.run(
        [sys.executable, "manage.py", "job", "run", "jira", "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    run = Run.across_tenants.get(pk=json.loads(done.stdout)["run"])
    assert run.state == RunState.RUNNING  # the scheduler sends again what the command could not
    services.stop(run.job, actor="test")
    assert platform.ended(run).state == RunState.CANCELLED
    sandbox.control("faults", [])
    platforms.forget_limits()


def test_runs_are_counted_once_per_start(platform: Platform) -> None:
    before = Run.across_tenants.count()
    call_command("job", "run", "github", "--wait", stdout=StringIO())
    assert Run.across_tenants.count() == before + 1
