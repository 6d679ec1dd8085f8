"""Is a running job anywhere drawn as done? 100 is shown of success only, everywhere and of every value below it."""

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client

from apps.jobs.models import Run
from apps.progress.models import RunProgress

DASHBOARD = Path("apps/dashboard")
PAGES = [
    "/",
    "/jobs/",
    "/jobs/{job}/",
    "/runs/{run}/",
    "/admin/jobs/job/",
    "/admin/jobs/job/{job}/change/",
    "/admin/jobs/run/",
    "/admin/jobs/run/{run}/change/",
    "/admin/progress/runprogress/",
    "/admin/progress/runprogress/{run}/change/",
]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_a_running_run_as_done(page: str, run: Run, viewer: Client) -> None:
    RunProgress.across_tenants.filter(pk=run.pk).update(percent=99.9)
    text = viewer.get(page.format(job=run.job_id, run=run.pk)).content.decode()
    assert 'aria-valuenow="99"' in text
    assert 'aria-valuenow="100"' not in text
    assert "99 %" in text
    assert "100 %" not in text


def test_the_api_shows_no_running_run_as_done(run: Run, viewer: Client) -> None:
    RunProgress.across_tenants.filter(pk=run.pk).update(percent=99.9)
    assert viewer.get(f"/api/status/{run.pk}").json()["progress"] == 99


def test_every_value_below_100_is_rounded_down() -> None:
    template = Template("{% load dashboard %}{{ percent|whole_percent }}")
    for hundredths in range(10_000):
        assert template.render(Context({"percent": hundredths / 100})) == str(hundredths // 100)
    assert template.render(Context({"percent": 100.0})) == "100"


def test_no_template_and_no_script_rounds_a_percent_in_another_way() -> None:
    rounding = re.compile(r"percent\w*\s*\|\s*(floatformat|number)|Math\.(round|ceil)\([^)]*(percent|progress)")
    found = [
        f"{file}: {line.strip()}"
        for file in [*DASHBOARD.rglob("*.html"), *DASHBOARD.rglob("*.js")]
        for line in file.read_text().splitlines()
        if rounding.search(line)
    ]
    assert found == []
