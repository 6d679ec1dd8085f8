"""Do the pages follow the preferences of a person, and do the keyboard shortcuts work?"""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from apps.jobs.choices import RunMode
from apps.tenants.models import Role
from tests.platform import Platform

Visit = Callable[..., Page]


def test_the_browsers_own_time_zone_is_offered_and_kept(visit: Visit) -> None:
    page = visit(Role.VIEWER, timezone_id="Asia/Tokyo")
    page.goto("/preferences/")
    page.click("#own-time-zone")
    page.click("text=Save preferences")
    expect(page.locator("#toasts")).to_contain_text("Preferences saved.")
    expect(page.locator("#id_time_zone")).to_have_value("Asia/Tokyo")


def test_a_page_with_a_refresh_interval_opens_no_socket_and_says_so(visit: Visit, platform: Platform) -> None:
    page = visit(Role.VIEWER)
    page.goto("/")
    expect(page.locator("#live-sign")).to_contain_text("Live")
    with page.expect_navigation():
        page.select_option("select[name=refresh]", "30")
    expect(page.locator("#live-sign")).to_contain_text("Every 30 s")
    sockets: list[object] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.goto("/")
    expect(page.locator("#live-sign")).to_contain_text("Every 30 s")
    assert sockets == []
    run = platform.run("jira", RunMode.INCREMENTAL)
    expect(page.locator(f"[data-run='{run.pk}']").first).to_be_attached()


def test_keys_open_pages_but_not_while_a_person_types(visit: Visit) -> None:
    page = visit(Role.VIEWER)
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url("/runs/")
    page.goto("/jobs/")
    page.keyboard.press("/")
    page.keyboard.type("g j")
    expect(page.locator("main input[type=search]")).to_have_value("g j")
    expect(page).to_have_url("/jobs/")


def test_shortcuts_can_be_switched_off(visit: Visit) -> None:
    page = visit(Role.VIEWER)
    page.goto("/preferences/")
    page.uncheck("#id_shortcuts")
    page.click("text=Save preferences")
    expect(page.locator("#toasts")).to_contain_text("saved")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_have_count(0)
