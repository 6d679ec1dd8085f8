"""What do the pages look like? The test takes pictures of all pages, wide and narrow, light and dark.

The pictures are in ``artefacts/screens``. Those of the README are also in ``artefacts/gallery``, and `make pictures`
copies them into ``docs/images``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.jobs.choices import BatchState, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.models import Batch, Run
from apps.progress.choices import JobState, RunState
from apps.progress.selectors import run_of_tenant
from apps.raw.models import Quarantine, RawRecord
from apps.tenants.models import Role
from tests.platform import Platform
from tests.processes import ROOT, TOKEN, until

SCREENS = ROOT / "artefacts" / "screens"
GALLERY = ROOT / "artefacts" / "gallery"
# Every page must fit into the smallest window. Pictures are taken at the widths of the tests.
SMALLEST, WIDE, HEIGHT = 360, 1440, 900
SLOW, QUICK = {"ms": 600}, {"ms": 80}
ERRORS = ("ValueError: 'yesterday' is no date: created", "KeyError: 'author' of a comment")
START = ("#controls button:has-text('Start')", "text=Selected range")
# The pages that the README shows, each with the width and the scheme of its picture.
README_VARIANTS = {
    "home": "1440-light",
    "run-in-its-middle": "1440-dark",
    "run-failed": "1440-light",
    "compare": "1440-dark",
    "runs": "1440-light",
    "set-aside-group": "1440-dark",
    "search": "1440-light",
    "job": "390-light",
}


@dataclass(frozen=True)
class Screen:
    """A page: its address, the element to wait for, the elements to click first, and whether the whole page is taken.

    A dialog is taken with the visible part of the page only.
    """

    address: str
    shows: str = "h1"
    clicks: tuple[str, ...] = ()
    is_whole: bool = True


def middle_of_a_run(platform: Platform) -> Run:
    """A Jira run that was paused with its bar between 20 and 80 %."""

    def percent() -> float:
        live = run_of_tenant(platform.tenant.pk, run.pk)
        return live.progress if live else 0.0

    platform.sandbox.control("latency", SLOW)
    run = platform.start("jira", RunMode.FULL)
    until(lambda: percent() >= 45, "the middle of the run")
    services.pause(run.job, actor="ada", reason="The provider asked for an hour of quiet.")
    until(lambda: platform.job("jira").state == JobState.PAUSED, "the pause")
    busy = Batch.across_tenants.filter(run=run, state=BatchState.RUNNING)
    until(lambda: not busy.exists(), "the end of its current batches")
    assert percent() < 80
    return run


def refused_run(platform: Platform) -> Run:
    """A GitHub run whose token was revoked while it worked."""
    platform.sandbox.control("latency", SLOW)
    run = platform.start("github")
    until(lambda: RawRecord.across_tenants.filter(integration=run.integration_id).exists(), "the first records")
    platform.sandbox.tokens(token=TOKEN, revoked=True)
    platform.ended(run)
    platform.sandbox.tokens(token=TOKEN)
    platform.sandbox.control("latency", QUICK)
    assert run.state == RunState.FAILED
    return run


def records_set_aside(platform: Platform, run: Run) -> Quarantine:
    """Two groups of equal errors, on records that the run has read."""
    raws = RawRecord.across_tenants.filter(integration=run.integration_id, entity="issue")[:12]
    rows = [
        Quarantine(
            tenant=platform.tenant,
            integration_id=raw.integration_id,
            run=run.pk,
            step="jira_issues_with_changelogs",
            stage="transform",
            entity=raw.entity,
            external_id=raw.external_id,
            raw=raw,
            error=ERRORS[number // 9],
            fingerprint=f"group-{number // 9}",
            created_at=timezone.now(),
        )
        for number, raw in enumerate(raws)
    ]
    return Quarantine.across_tenants.bulk_create(rows)[0]


@pytest.fixture(scope="module")
def screens(platform: Platform) -> dict[str, Screen]:
    """All pages by name, with finished runs, a failed run, a paused run and records set aside."""
    finished = platform.run("jira", RunMode.FULL)
    other = platform.run("jira")
    vectors = platform.run("vectorization")
    failed = refused_run(platform)
    middle = middle_of_a_run(platform)
    record = records_set_aside(platform, finished)  # last: a run that loads a record resolves it
    live = "#live-sign:has-text('Live')"
    failed_job = f"/jobs/{failed.job_id}/"
    return {
        "login": Screen("/login/"),
        "home": Screen("/", "#health:has-text('Responds in')"),
        "jobs": Screen("/jobs/", live),
        "job": Screen(f"/jobs/{middle.job_id}/", live),
        "job-finished": Screen(f"/jobs/{vectors.job_id}/", live),
        "job-failed": Screen(failed_job, live),
        "job-start": Screen(failed_job, "#confirm", START, is_whole=False),
        "job-settings": Screen(failed_job, "#id_rule", ("summary:has-text('Edit settings')",)),
        "runs": Screen("/runs/"),
        "run": Screen(f"/runs/{finished.pk}/", "#proof .proof-table"),
        "run-in-its-middle": Screen(f"/runs/{middle.pk}/", live),
        "run-failed": Screen(f"/runs/{failed.pk}/", "#failure h2"),
        "compare": Screen(f"/runs/{finished.pk}/compare?with={other.pk}", ".compare"),
        "search": Screen("/search/?q=payment+fails+after+a+timeout", ".hit"),
        "set-aside": Screen("/quarantine/", "main table"),
        "set-aside-group": Screen(f"/quarantine/{record.fingerprint}/", "main table"),
        "set-aside-record": Screen(f"/quarantine/record/{record.pk}/"),
        "preferences": Screen("/preferences/"),
        "style": Screen("/style/"),
        "not-found": Screen("/nothing/here/"),
        "admin-jobs": Screen("/admin/jobs/job/"),
        "admin-job": Screen(f"/admin/jobs/job/{middle.job_id}/change/"),
        "admin-run": Screen(f"/admin/jobs/run/{middle.pk}/change/"),
    }


def take(page: Page, name: str, screen: Screen, variant: str) -> None:
    """Open a page and take its picture, and the picture of its top if the README shows it."""
    page.goto(screen.address)
    for target in screen.clicks:
        page.click(target)
    expect(page.locator(screen.shows).first).to_be_visible()
    page.evaluate("() => window.scrollTo(0, 0)")
    if README_VARIANTS.get(name) == variant:
        page.screenshot(path=GALLERY / f"{name}.png", animations="disabled")
    page.screenshot(path=SCREENS / variant / f"{name}.png", full_page=screen.is_whole, animations="disabled")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.pictures)])
@pytest.mark.parametrize("width", [pytest.param(1440, marks=pytest.mark.pictures), 390])
def test_every_page_fits_and_is_kept_as_a_picture(
    visit: Callable[..., Page], screens: dict[str, Screen], width: int, scheme: str
) -> None:
    for folder in (SCREENS / f"{width}-{scheme}", GALLERY):
        Path(folder).mkdir(parents=True, exist_ok=True)
    page = visit(Role.ADMIN, color_scheme=scheme)
    narrowest = SMALLEST if width < WIDE else width
    too_wide = []
    for name, screen in screens.items():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        take(page, name, screen, f"{width}-{scheme}")
        page.set_viewport_size({"width": narrowest, "height": HEIGHT})
        if page.evaluate("() => document.documentElement.scrollWidth") > narrowest:
            too_wide.append(name)
    assert too_wide == []


def test_a_small_screen_shows_the_newest_day_and_the_results_at_once(
    visit: Callable[..., Page], screens: dict[str, Screen]
) -> None:
    page = visit(viewport={"width": 390, "height": 900})
    for name, wanted in (("runs", "#grid tbody td:last-child"), ("run", "#proof tbody .state")):
        page.goto(screens[name].address)
        box = page.locator(wanted).first.bounding_box()
        assert box
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, name


@pytest.mark.pictures
def test_a_running_run_says_when_it_ends(
    visit: Callable[..., Page], screens: dict[str, Screen], platform: Platform
) -> None:
    job = platform.job("jira")
    services.stop(job, actor="ada", reason="It begins anew.")
    until(lambda: platform.job("jira").state == JobState.READY, "the end of the paused run")
    platform.sandbox.control("latency", SLOW)
    run = platform.start("jira", RunMode.FULL)
    page = visit(Role.OPERATOR, color_scheme="light", viewport={"width": WIDE, "height": HEIGHT})
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("[data-live=eta]")).to_contain_text("Ends in")
    page.screenshot(path=GALLERY / "run-at-work.png", animations="disabled")
