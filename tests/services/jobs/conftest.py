"""What do the tests of real runs share? Committed rows, real workers and the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests import platform as platforms
from tests.inline_runs import InlinePlatform, inline_runs
from tests.platform import Platform
from tests.processes import Sandbox, scheduler, worker

SMALL = {"issues": 120, "prs": 40}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database with committed rows; it is emptied before and after the module."""
    with django_db_blocker.unblock():
        platforms.empty_everything()
        yield
        platforms.empty_everything()


@pytest.fixture(scope="module")
def sandbox(folder: Path, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox as large as the module's ``SANDBOX`` says, or a small one."""
    with Sandbox(folder, **getattr(request.module, "SANDBOX", SMALL)) as running:
        yield running


@pytest.fixture(scope="module")
def platform(database: None, sandbox: Sandbox, folder: Path) -> Iterator[Platform]:
    """A tenant with its jobs, a worker and a scheduler."""
    with worker(folder), scheduler(folder):
        yield platforms.build(sandbox, folder)


@pytest.fixture(scope="module")
def inline_platform(database: None, sandbox: Sandbox, folder: Path) -> Iterator[Platform]:
    """The same without worker and scheduler, for tests of what runs load: this process does the work of each run."""
    with inline_runs():
        yield platforms.build(sandbox, folder, kind=InlinePlatform)
