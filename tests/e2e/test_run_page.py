"""Does the page of a run stay true while somebody looks: timeline, log, notices, comparison, on any screen?"""

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.jobs.choices import RunMode
from apps.jobs.lifecycle import services
from apps.jobs.models import Run
from apps.progress import log
from apps.progress.choices import JobState
from apps.progress.models import LogLine
from apps.tenants.models import Role
from tests.platform import Platform
from tests.processes import until

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def ended(platform: Platform) -> Run:
    """A whole run."""
    return platform.run("jira", RunMode.FULL)


@pytest.fixture
def running(platform: Platform) -> Run:
    """A run that has just begun."""
    until(lambda: platform.job("jira").state in {JobState.READY, JobState.FINISHED}, "a job at rest")
    return platform.start("jira", RunMode.FULL)


def at_bottom(page: Page) -> bool:
    script = "frame => frame.scrollHeight - frame.scrollTop - frame.clientHeight < 24"
    return bool(page.locator("[data-log-lines]").evaluate(script))


def test_health_timeline_and_log_follow_a_run_to_its_end(visit: Visit, running: Run) -> None:
    page = visit()
    page.goto(f"/runs/{running.pk}/")
    page.evaluate("() => { window.neverReloaded = true; }")
    expect(page.locator("#run-summary")).to_contain_text(re.compile(r"Working|Waiting for a free worker"))
    expect(page.locator("#controls [data-control=pause]")).to_be_visible()
    expect(page.locator(".log-text", has_text=re.compile(r"fetched \d+ issues"))).not_to_have_count(0)
    assert at_bottom(page)
    expect(page.locator("#run-lead")).to_contain_text("Complete")
    expect(page.locator("#run-summary")).to_contain_text("All of its work was done.")
    expect(page.locator("#timeline .lane[data-kind=stage]")).not_to_have_count(0)
    stored = list(LogLine.objects.filter(run=running.pk).order_by("id").values_list("id", flat=True))
    expect(page.locator(".log-line")).to_have_count(len(stored))
    assert page.locator(".log-line").evaluate_all("lines => lines.map(line => Number(line.id.slice(5)))") == stored
    assert page.evaluate("() => window.neverReloaded")


def test_a_reader_who_has_scrolled_up_is_left_there(visit: Visit, platform: Platform, running: Run) -> None:
    for number in range(60):
        log.write(running.pk, f"An older line {number}")
    page = visit()
    page.goto(f"/runs/{running.pk}/")
    frame = page.locator("[data-log-lines]")
    page.wait_for_function("() => document.querySelector('[data-log-lines]').scrollTop > 0")
    # Not to the very top: older lines would be put there, and move the rest.
    place = frame.evaluate("frame => { frame.scrollTop = frame.scrollHeight / 3; return frame.scrollTop; }")
    button = page.locator("[data-log-new]")
    expect(button).to_have_text(re.compile(r"^\d+ new lines? ↓$"))
    assert frame.evaluate("frame => frame.scrollTop") == place
    button.click()
    expect(button).to_be_hidden()
    assert at_bottom(page)
    platform.ended(running)


def test_the_log_is_searched_filtered_and_linked(visit: Visit, ended: Run) -> None:
    page = visit(Role.VIEWER)
    page.goto(f"/runs/{ended.pk}/")
    page.fill("#log [name=q]", "FETCHED")
    expect(page.locator(".log-line mark").first).to_have_text("fetched")
    expect(page.locator(".log-line:not(:has(mark))")).to_have_count(0)
    page.fill("#log [name=q]", "nobody writes this")
    expect(page.locator("#log")).to_contain_text("No lines match.")
    page.fill("#log [name=q]", "")
    page.select_option("#log [name=step]", "jira_issues_with_changelogs")
    expect(page.locator(".log-line").first).to_contain_text("Issues with changelogs")


def test_a_link_to_an_old_line_shows_it_with_what_stands_around(visit: Visit, ended: Run) -> None:
    log.write_all(ended.pk, [log.NewLine(f"Later {number}") for number in range(900)])
    first = LogLine.objects.filter(run=ended.pk).order_by("id")[5]
    page = visit(Role.VIEWER)
    page.goto(f"/runs/{ended.pk}/#line-{first.pk}")
    line = page.locator(f"#line-{first.pk}")
    expect(line).to_be_in_viewport()
    expect(line).to_have_attribute("data-named", "")
    page.click("[data-log-new]")
    expect(page.locator(".log-line").last).to_contain_text("Later 899")
    page.click("[data-log-older]")
    expect(page.locator(".log-line")).to_have_count(400)
    page.goto(f"/runs/{ended.pk}/#line-1999999999")
    expect(page.locator("#toasts")).to_contain_text("not in the log")


def test_every_bar_of_the_timeline_is_read_by_keyboard(visit: Visit, ended: Run) -> None:
    page = visit(Role.VIEWER)
    page.goto(f"/runs/{ended.pk}/")
    bar = page.locator(".lane[data-kind=stage] .stretch").first
    bar.focus()
    label = bar.get_attribute("aria-label")
    assert label
    expect(page.locator(".timeline-note")).to_have_text(label)


class Heard(list[bytes]):
    """The bodies that a webhook has got, and where it is."""

    address = ""


@pytest.fixture
def hook() -> Iterator[Heard]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    heard.address = f"http://127.0.0.1:{server.server_port}/hook"
    Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    server.shutdown()
    server.server_close()


RECORD = """
window.shown = [];
window.Notification = class extends EventTarget {
  static requestPermission = async () => 'granted';
  constructor(title, options) {
    super();
    window.shown.push([title, options.tag]);
  }
};
"""


def test_one_is_told_of_the_end_by_browser_and_webhook(visit: Visit, running: Run, hook: Heard) -> None:
    services.pause(running.job, actor="test", reason="It must not end before it is asked for.")
    page = visit(Role.OPERATOR)
    page.add_init_script(RECORD)
    page.goto(f"/runs/{running.pk}/")
    page.click("#notify > summary")
    page.click("[data-notify-browser]")
    expect(page.locator("[data-notify-browser]")).to_have_attribute("aria-pressed", "true")
    page.click("#notify details summary")
    page.fill("#notify [name=url]", hook.address)
    page.fill("#notify [name=key]", "a key of more than sixteen")
    page.click("#notify form button")
    expect(page.locator("#notices")).to_contain_text("Webhook: waits for the end")
    page.goto("/jobs/")
    expect(page.locator("#live-sign")).to_contain_text("Live")
    services.resume(running.job, actor="test")
    page.wait_for_function("() => window.shown.length")
    assert page.evaluate("() => window.shown") == [["jira: finished", str(running.pk)]]
    until(lambda: hook, "the webhook")
    page.goto(f"/runs/{running.pk}/")
    page.click("#notify > summary")
    expect(page.locator("#notices")).to_contain_text("Webhook: sent")
    assert len(hook) == 1


def test_a_failed_run_is_retried_from_its_page(visit: Visit, platform: Platform, running: Run) -> None:
    services.fail(running, "Jira does not accept the credentials.")
    page = visit()
    page.goto(f"/runs/{running.pk}/")
    expect(page.locator("#failure")).to_contain_text("Jira does not accept the credentials.")
    page.click("#failure a:has-text('in the log')")
    expect(page.locator("[data-named]")).to_contain_text("Failed. Jira does not accept the credentials.")
    page.click("#failure [data-control=retry]")
    page.click("#confirm-do")
    expect(page.locator("#failure > *")).to_have_count(0)
    expect(page.locator("#run-lead")).to_contain_text("Complete")
    expect(page.locator("#attempts")).to_contain_text("Attempt 2")


# Every state of the card that a person could see: its heading, the chip of the run, and the buttons.
WATCH = """() => {
  const text = (selector) => document.querySelector(selector)?.innerText.trim() ?? "";
  const look = () => JSON.stringify([
    text("#run-summary [data-live=heading]"),
    text("#run-lead [data-live=state]"),
    [...document.querySelectorAll("#controls [data-control]")].map((button) => button.dataset.name).join(" "),
  ]);
  window.seen = [look()];
  new MutationObserver(() => {
    if (window.seen.at(-1) !== look()) window.seen.push(look());
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""
AT_WORK = {"Working", "Waiting for a free worker", "Waiting", "No sign of life"}
# Which chip and which buttons belong to a heading.
BELONGS = {
    **dict.fromkeys(AT_WORK, ("Running", "pause stop")),
    "Waiting for its turn": ("Pending", "stop"),
    "Paused": ("Paused", "resume stop"),
    "Stopping": ("Stopping", ""),
    "Cancelled": ("Cancelled", "start full range"),
}


def test_a_stopped_run_says_so_and_no_half_of_its_card_contradicts_the_other(
    visit: Visit, running: Run, platform: Platform
) -> None:
    page = visit()
    page.goto(f"/runs/{running.pk}/")
    page.evaluate("() => { window.neverReloaded = true; }")
    expect(page.locator("#live-sign")).to_contain_text("Live")
    page.evaluate(WATCH)
    heading = page.locator("#run-summary [data-live=heading]")
    services.pause(running.job, actor="grace", reason="Lunch")
    expect(heading).to_have_text("Paused")
    expect(page.locator("#run-summary")).to_contain_text("By grace: Lunch.")
    services.resume(running.job, actor="grace")
    expect(heading).to_have_text(re.compile("|".join(AT_WORK)))
    page.click("#controls [data-control=stop]")
    page.click("#confirm-do")
    expect(heading).to_have_text("Cancelled", timeout=30_000)
    expect(page.locator("#matrix")).not_to_contain_text("Running")
    seen = [json.loads(state) for state in page.evaluate("() => window.seen")]
    assert {"Paused", "Cancelled"} <= {shown for shown, *_ in seen}
    assert [(shown, *BELONGS[shown]) for shown, *_ in seen] == [tuple(state) for state in seen]
    assert page.evaluate("() => window.neverReloaded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_small_screen(visit: Visit, ended: Run, scheme: str) -> None:
    page = visit(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for address in (f"/runs/{ended.pk}/", f"/runs/{ended.pk}/compare"):
        page.goto(address)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, address


def test_the_page_reads_without_scripts(visit: Visit, ended: Run) -> None:
    page = visit(Role.VIEWER, java_script_enabled=False)
    page.goto(f"/runs/{ended.pk}/")
    expect(page.locator(".log-line")).not_to_have_count(0)
    expect(page.locator("#timeline .stretch")).not_to_have_count(0)
    page.goto(f"/runs/{ended.pk}/compare")
    expect(page.locator("h1")).to_contain_text("Compare runs of jira")
