"""Which fixtures do the sources' tests share?"""

from collections.abc import Iterator

import pytest

from tests.unit.sources.scripted import ScriptedServer


@pytest.fixture
def provider() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()
