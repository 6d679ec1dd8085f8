"""Which sandbox do the tests of the sources read from? One per file, without faults at the start of each test."""

from collections.abc import Iterator

import pytest

from tests.processes import Sandbox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), issues=400, prs=300) as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Iterator[Sandbox]:
    """The sandbox without faults and with full quotas."""
    yield server
    server.control("faults", [])
    server.control("reset-stats")
