"""Do the pages move by themselves, whatever happens to the socket, and do the buttons do what they say?"""

import re
from collections.abc import Callable

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Page, WebSocketRoute, expect

from apps.jobs.choices import RunMode
from apps.jobs.models import Job, Run
from apps.progress.choices import JobState, RunState
from apps.tenants.models import Role
from apps.tenants.services import create_tenant
from tests.e2e.conftest import LATENCY
from tests.platform import Platform
from tests.processes import until

Visit = Callable[..., Page]
# What the page's own scripts would send for somebody who gets round its buttons.
POST = """async (path) => {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  const answer = await fetch(path, { method: "POST", headers, body: "{}" });
  return [answer.status, await answer.text()];
}"""


@pytest.fixture
def job(platform: Platform) -> Job:
    """The Jira job, ready for a run."""
    job = platform.job("jira")
    until(lambda: platform.job("jira").state in {JobState.READY, JobState.FINISHED}, "a job at rest")
    return job


# All that the page says about the reset, in order.
RECORD_RESET = """
window.said = [];
new MutationObserver(() => {
  const text = document.querySelector("#reset")?.innerText.trim();
  if (text && text !== window.said.at(-1)) window.said.push(text);
}).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
"""


def percent(page: Page) -> int:
    return int(page.get_attribute(".progress .bar", "aria-valuenow") or 0)


def ask(page: Page, control: str, reason: str) -> None:
    """Press a button and confirm."""
    page.click(control)
    page.fill("#confirm-reason", reason)
    page.click("#confirm-do")


def test_bar_moves_without_reload(visit: Visit, job: Job, platform: Platform) -> None:
    page = visit()
    page.goto(f"/jobs/{job.pk}/")
    expect(page.locator("#live-sign")).to_contain_text("Live")
    page.evaluate("() => { window.neverReloaded = true; }")
    ask(page, "[data-control=start][data-mode=full]", "To watch it")
    seen = set()
    shown = page.locator(".progress [data-live=percent]")
    while "Finished" not in page.inner_text(".page-head .state"):
        seen.add(percent(page))
        page.wait_for_timeout(100)
    assert len(seen) > 4
    expect(shown).to_have_text("100 %")
    expect(page.locator("#matrix")).to_contain_text("300")
    expect(page.locator("#proof")).to_contain_text("All records of this run")
    expect(page.locator("#history")).to_contain_text("To watch it")
    expect(page.locator("#reset")).to_contain_text(re.compile(r"Job completed\. Resetting in \d+ seconds"))
    assert page.evaluate("() => window.neverReloaded")


def test_bar_recovers_when_the_socket_is_killed(
    visit: Visit, job: Job, platform: Platform, held: Callable[[], None]
) -> None:
    page = visit()
    sockets: list[WebSocketRoute] = []
    away = False

    def route(socket: WebSocketRoute) -> None:
        if away:
            socket.close(code=1011)
            return
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/jobs/"), route)
    page.goto(f"/jobs/{job.pk}/")
    sign = page.locator("#live-sign")
    expect(sign).to_contain_text("Live")
    run = platform.start("jira", RunMode.FULL)
    expect(page.locator(".page-head .state")).to_contain_text("Running")

    away = True
    sockets[-1].close(code=1011)
    expect(sign).to_contain_text("Polling")
    before = percent(page)
    held()
    while percent(page) <= before:  # until the time-out of the test
        page.wait_for_timeout(200)

    away = False
    expect(sign).to_contain_text("Live")
    platform.ended(run)
    expect(page.locator(".page-head .state")).to_contain_text("Finished")
    assert percent(page) == 100


def test_a_run_page_opened_in_mid_run_follows_to_the_end(visit: Visit, job: Job, platform: Platform) -> None:
    run = platform.start("jira", RunMode.FULL)
    page = visit(Role.VIEWER)
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#run-lead")).to_contain_text("Complete")
    assert percent(page) == 100


def test_buttons_pause_resume_and_stop(visit: Visit, job: Job, platform: Platform, held: Callable[[], None]) -> None:
    page = visit()
    page.goto(f"/jobs/{job.pk}/")
    ask(page, "[data-control=start][data-mode=full]", "")
    state = page.locator(".page-head .state")
    ask(page, "[data-control=pause]", "Lunch")
    expect(state).to_contain_text("Paused")
    assert platform.job("jira").state == JobState.PAUSED
    expect(page.locator("#history")).to_contain_text("Lunch")
    ask(page, "[data-control=resume]", "")
    expect(state).to_contain_text("Running")
    ask(page, "[data-control=stop]", "Enough")
    expect(page.locator("#toasts")).to_contain_text("Stop requested for jira")
    expect(state).to_contain_text("Ready")
    expect(page.locator("#recent")).to_contain_text("Cancelled")


def test_what_one_tab_asks_for_shows_in_the_other(visit: Visit, job: Job, held: Callable[[], None]) -> None:
    first = visit()
    second = first.context.new_page()
    for page in (first, second):
        page.goto(f"/jobs/{job.pk}/")
        expect(page.locator("#live-sign")).to_contain_text("Live")
        page.evaluate("() => { window.neverReloaded = true; }")
    ask(first, "[data-control=start][data-mode=full]", "")
    ask(first, "[data-control=pause]", "Pressed in the first tab")
    expect(second.locator(".page-head .state")).to_contain_text("Paused")
    expect(second.locator("#history")).to_contain_text("Pressed in the first tab")
    ask(second, "[data-control=stop]", "Pressed in the second tab")
    expect(first.locator(".page-head .state")).to_contain_text("Ready")
    expect(first.locator("#history")).to_contain_text("Pressed in the second tab")
    assert all(page.evaluate("() => window.neverReloaded") for page in (first, second))


def test_a_reload_in_mid_run_never_takes_the_bar_back(visit: Visit, job: Job, platform: Platform) -> None:
    platform.sandbox.control("latency", {"ms": 300})  # longer than several reloads
    run = platform.start("jira", RunMode.FULL)
    page = visit(Role.VIEWER)
    page.goto(f"/runs/{run.pk}/")
    seen = [percent(page)]
    while seen[-1] < 100:  # until the time-out of the test
        page.reload()
        seen += [percent(page)]
        page.wait_for_timeout(300)
        seen += [percent(page)]
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    platform.ended(run)
    platform.sandbox.control("latency", {"ms": LATENCY})


def test_the_countdown_to_the_reset_is_shown_and_cut_short_by_hand(visit: Visit, job: Job, platform: Platform) -> None:
    platform.run("jira")
    # The server resets it 40 s after the run; they begin now.
    Job.across_tenants.filter(pk=job.pk).update(last_run_finished_at=Now())
    page = visit()
    page.add_init_script(RECORD_RESET)
    page.goto(f"/jobs/{job.pk}/")
    expect(page.locator("#reset")).to_have_text(re.compile(r"Job completed\. Resetting in \d+ seconds…"))
    said = page.evaluate("() => window.said")
    assert next(text for text in said if "Resetting" in text) == "Job completed. Resetting in 30 seconds…"
    ask(page, "[data-control=reset]", "")
    expect(page.locator(".page-head .state")).to_contain_text("Ready")
    expect(page.locator("#reset")).to_be_hidden()
    assert platform.job("jira").state == JobState.READY


def test_a_viewer_finds_nothing_to_press_and_is_refused_by_the_api(visit: Visit, job: Job, platform: Platform) -> None:
    page = visit(Role.VIEWER)
    runs = Run.across_tenants.count()
    for address in ("/", "/jobs/", f"/jobs/{job.pk}/"):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("[data-control]")).to_have_count(0)
    expect(page.locator("#controls")).to_have_text("You are a viewer: you can look at runs, but not control them.")
    expect(page.locator("#controls button")).to_have_count(0)
    for action in ("start", "pause", "resume", "retry", "stop", "reset"):
        status, answer = page.evaluate(POST, f"/api/jobs/{job.pk}/{action}")
        assert (status, "This needs the Operator role" in answer) == (403, True), action
    assert Run.across_tenants.count() == runs


def test_a_run_of_another_tenant_is_not_there(visit: Visit, platform: Platform) -> None:
    tenant = create_tenant(slug="globex", name="Globex")
    job = Job.across_tenants.create(tenant=tenant, job_type="vectorization", name="theirs")
    run = Run.across_tenants.create(tenant=tenant, job=job, state=RunState.CANCELLED)
    page = visit(Role.ADMIN)
    for address in (f"/runs/{run.pk}/", f"/runs/{run.pk}/compare", f"/jobs/{job.pk}/"):
        answer = page.goto(address)
        assert answer
        assert answer.status == 404
        expect(page.locator("h1")).to_contain_text("Page not found")
        expect(page.locator("body")).not_to_contain_text("theirs")


def test_home_shows_a_new_run_of_the_job(visit: Visit, job: Job, platform: Platform) -> None:
    page = visit(Role.VIEWER)
    page.goto("/")
    card = page.locator(f"#card-{job.pk}")
    before = card.get_attribute("data-run")
    run = platform.start("jira")
    expect(page.locator(f"#card-{job.pk}[data-run='{run.pk}']")).to_be_visible()
    assert before != str(run.pk)
    expect(card.locator("[data-live=state]")).to_contain_text("Finished")


def test_the_theme_is_remembered(visit: Visit) -> None:
    page = visit(Role.VIEWER)
    page.goto("/")
    page.click("summary:has(.name)")
    with page.expect_response("**/api/preferences"):
        page.click("label:has([value=dark])")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
