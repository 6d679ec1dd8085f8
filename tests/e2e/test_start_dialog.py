"""Can a person choose what a run reads, make a dry run, and preview a schedule before saving it?"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.jobs.choices import RunMode
from apps.jobs.models import Job, Run
from tests.platform import Platform


@pytest.fixture
def jira(platform: Platform) -> Job:
    """The Jira job after its first run."""
    job = platform.job("jira")
    if not Run.across_tenants.filter(job=job).exists():
        platform.run("jira")
    return platform.job("jira")


def test_a_dry_run_shows_the_numbers_and_starts_nothing(
    visit: Callable[..., Page], jira: Job, platform: Platform
) -> None:
    runs = Run.across_tenants.count()
    page = visit()
    page.goto(f"/jobs/{jira.pk}/")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("radio", name="Everything").check()
    expect(page.locator("#confirm-effect")).to_contain_text("reads everything from the provider again")
    page.get_by_role("button", name="Dry run").click()
    answer = page.locator("#dry-run-answer")
    expect(answer.locator("caption")).to_contain_text("The run would fetch")
    row = answer.get_by_role("row", name="PAY")
    expect(row).to_contain_text(f"{platform.sandbox.truth()['by_project']['PAY']['issues']:,}")
    page.get_by_role("button", name="Cancel").click()
    assert Run.across_tenants.count() == runs


def test_a_range_is_chosen_by_keyboard_and_started(visit: Callable[..., Page], jira: Job, platform: Platform) -> None:
    page = visit()
    page.goto(f"/jobs/{jira.pk}/")
    page.get_by_role("button", name="Range re-sync").press("Enter")
    page.get_by_label("Reason (optional, shown in the activity)").fill("A look at one project")
    page.get_by_label("Changed from").fill("2026-01-01")
    page.get_by_role("checkbox", name="PAY").press("Space")
    expect(page.locator("[data-chosen]")).to_have_text("1 chosen")
    page.locator("#confirm-do").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("requested for")
    run = Run.across_tenants.filter(job=jira).latest("created_at")
    assert (run.mode, run.scopes) == (RunMode.RANGE, ["PAY"])
    assert run.since
    platform.ended(run)


def test_a_refusal_is_shown_in_the_dialog(visit: Callable[..., Page], jira: Job) -> None:
    page = visit()
    page.goto(f"/jobs/{jira.pk}/")
    page.get_by_role("button", name="Range re-sync").click()
    page.locator("#confirm-do").click()
    expect(page.locator("#confirm-problem")).to_contain_text("Choose a range")


def test_a_schedule_is_previewed_before_it_is_saved(visit: Callable[..., Page], jira: Job) -> None:
    page = visit()
    page.goto(f"/jobs/{jira.pk}/")
    page.locator("summary", has_text="Edit settings").click()
    page.get_by_label("Or on a cron schedule").fill("30 2 * * 6")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    coming = page.locator("[data-coming]")
    expect(coming).to_contain_text("At 02:30 on Saturday, Europe/Berlin")
    expect(coming.get_by_role("listitem")).to_have_count(5)
    page.get_by_label("Or on a cron schedule").fill("30 2 * *")
    expect(page.locator('[data-error="rule"]')).to_contain_text("five fields")
    expect(coming).to_be_empty()
    jira.refresh_from_db()
    assert jira.rule == ""
    page.get_by_label("Or on a cron schedule").fill("30 2 * * 6")
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("#schedule")).to_contain_text("At 02:30 on Saturday, Europe/Berlin")
    expect(page.locator("#history")).to_contain_text("Settings changed")
