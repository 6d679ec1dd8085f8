"""Does axe find a serious accessibility problem on any page, light or dark?"""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from apps.jobs.choices import RunMode
from apps.tenants.models import Role
from tests.platform import Platform

GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def addresses(platform: Platform) -> list[str]:
    """All pages of the product, with the data of a whole run."""
    run = platform.run("jira", RunMode.FULL)
    pages = [
        "/",
        "/jobs/",
        "/runs/",
        "/search/?q=payment",
        "/quarantine/",
        "/preferences/",
        "/style/",
        "/nothing/here/",
    ]
    return [*pages, f"/jobs/{run.job_id}/", f"/runs/{run.pk}/"]


def barriers(page: Page) -> list[str]:
    """The violations that axe calls serious, with their places."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} on {page.url}: {rule['help']}: {node['html'][:200]} ({node.get('failureSummary', '')})"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_no_page_has_a_serious_barrier(
    visit: Callable[..., Page], addresses: list[str], scheme: str, width: int
) -> None:
    screen = {"width": width, "height": 800}
    page = visit(Role.ADMIN, color_scheme=scheme, viewport=screen, bypass_csp=True, reduced_motion="reduce")
    found = []
    for address in addresses:
        page.goto(address)
        expect(page.locator("h1").first).to_be_visible()
        found += barriers(page)
    page.goto("/")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    assert found + barriers(page) == []


def test_the_log_in_has_no_serious_barrier(visit: Callable[..., Page]) -> None:
    page = visit(bypass_csp=True)
    page.context.clear_cookies()
    page.goto("/login/")
    assert barriers(page) == []
