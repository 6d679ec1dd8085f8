"""What do the browser tests use? All processes of the product on the test database, and a real Chromium."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from apps.tenants.models import Role
from apps.tenants.services import add_membership, create_user
from tests import platform as platforms
from tests.platform import Platform
from tests.processes import Process, Sandbox, answers, free_port, scheduler, until, worker

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
SETTINGS = "etlproject.settings.prod"
LATENCY = 80  # ms
MAX_WAIT = 120_000  # ms; only a failure waits so long
# The browser's driver runs an event loop in this thread; Django would refuse to ask the database next to it.
BESIDE_A_LOOP = "DJANGO_ALLOW_ASYNC_UNSAFE"


class Site(Process):
    """The web process that serves the pages."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        arguments = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "etlproject.asgi:application"]
        super().__init__("web", arguments, folder, DJANGO_SETTINGS_MODULE=SETTINGS)

    def start(self) -> "Site":
        """Start it and wait until it answers."""
        super().start()
        until(lambda: answers(f"{self.address}/healthz"), f"the web process (see {self.log})")
        return self


@pytest.fixture(scope="package")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "No Chromium here: `python -m tests.system_packages` installs it."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="package")
def folder(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="package")
def sandbox(folder: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Sandbox]:
    """The sandbox, with a worker and a scheduler on the test database; its rows are committed."""
    with django_db_blocker.unblock():
        platforms.empty_everything()
        with Sandbox(folder, issues=300, prs=20, latency_ms=LATENCY) as sandbox, worker(folder), scheduler(folder):
            yield sandbox
        platforms.empty_everything()


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox, folder: Path) -> Platform:
    """A new tenant with its jobs, for one module."""
    sandbox.control("latency", {"ms": LATENCY})
    platforms.forget_limits()
    return platforms.build(sandbox, folder, slug=f"acme-{uuid4().hex[:6]}")


@pytest.fixture(scope="package")
def site(sandbox: Sandbox, folder: Path) -> Iterator[Site]:
    collected = Process(
        "collectstatic", ["manage.py", "collectstatic", "--noinput"], folder, DJANGO_SETTINGS_MODULE=SETTINGS
    )
    with collected:
        until(lambda: collected.child and collected.child.poll() == 0, f"the static files (see {collected.log})")
    with Site(folder) as running:
        yield running


@pytest.fixture
def held(sandbox: Sandbox) -> Iterator[Callable[[], None]]:
    """A Jira run that begins now works and waits, but cannot end until the test calls this or ends."""

    def release() -> None:
        sandbox.control("faults", [])
        platforms.forget_limits()

    pause = {"type": "status", "status": 429, "retry_after": 1}
    sandbox.control("faults", [{"match": "POST /jira/rest/api/3/issue/bulkfetch", "action": pause}])
    yield release
    release()


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=MAX_WAIT)
    os.environ[BESIDE_A_LOOP] = "true"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()
        connections.close_all()  # those of this loop, which nobody else closes
    del os.environ[BESIDE_A_LOOP]


@pytest.fixture
def visit(browser: Browser, site: Site, platform: Platform) -> Iterator[Callable[..., Page]]:
    """``visit(Role.OPERATOR)``: a page of a browser in which a member with this role is logged in.

    A page that reports a script error or a refused asset fails the test.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(role: Role = Role.OPERATOR, **options: object) -> Page:
        context = browser.new_context(base_url=site.address, **options)  # type: ignore[arg-type]
        context.set_default_timeout(MAX_WAIT)
        contexts.append(context)
        session = session_of(platform, role)
        context.add_cookies([{"name": "sessionid", "value": session, "url": site.address}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def session_of(platform: Platform, role: Role) -> str:
    """The session key of a new member who has logged in."""
    name = f"{platform.tenant.slug}-{role}-{platform.tenant.users.count()}"
    user = create_user(username=name, password="correct horse battery staple")
    add_membership(tenant=platform.tenant, user=user, role=role)
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
