"""What do the pages look like? Every page, wide and small, light and dark, as a picture in ``artefacts/screens``."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.jobs import services
from apps.jobs.choices import RunMode
from apps.raw.models import Quarantine, RawRecord
from apps.tenants.models import Role
from tests.platform import Platform
from tests.processes import ROOT

SCREENS = ROOT / "artefacts" / "screens"
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def addresses(platform: Platform) -> dict[str, str]:
    """Every page by its name, over the data of a whole run, a failed one and a record that was set aside."""
    finished = platform.run("jira", RunMode.FULL)
    raw = RawRecord.across_tenants.filter(integration=finished.integration_id).first()
    assert raw
    record = Quarantine.across_tenants.create(
        tenant=platform.tenant,
        integration_id=raw.integration_id,
        run=finished.pk,
        step="jira_issues_with_changelogs",
        stage="transform",
        entity=raw.entity,
        external_id=raw.external_id,
        raw=raw,
        error="ValueError: 'yesterday' is no date: created",
        fingerprint="one",
        created_at=timezone.now(),
    )
    platform.run("vectorization")
    failed = platform.start("github")
    services.fail(failed, "GitHub answers 401: the token has expired. Replace it in the integration.")
    return {
        "login": "/login/",
        "home": "/",
        "jobs": "/jobs/",
        "job": f"/jobs/{finished.job_id}/",
        "job-failed": f"/jobs/{failed.job_id}/",
        "runs": "/runs/",
        "run": f"/runs/{finished.pk}/",
        "search": "/search/?q=payment+fails+after+a+timeout",
        "set-aside": "/quarantine/",
        "set-aside-record": f"/quarantine/record/{record.pk}/",
        "not-found": "/nothing/here/",
        "admin-jobs": "/admin/jobs/job/",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_fits_and_is_kept_as_a_picture(
    visit: Callable[..., Page], addresses: dict[str, str], width: int, scheme: str
) -> None:
    folder: Path = SCREENS / f"{width}-{scheme}"
    folder.mkdir(parents=True, exist_ok=True)
    page = visit(Role.ADMIN, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for name, address in addresses.items():
        page.goto(address)
        if name == "home":
            expect(page.locator("#health")).to_contain_text("Database")
        if name.startswith("job"):
            expect(page.locator("#live-sign")).to_contain_text("Live")
        page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width, address
