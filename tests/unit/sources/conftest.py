"""Which fixtures do the sources' tests share?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.sources import refusals, retry_policy
from apps.sources.http import Http, HttpOptions
from tests.unit.sources.scripted import ScriptedServer

SECRET = "s3cr3t-token-value"

Client = Callable[..., Http]


@pytest.fixture
def provider() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def client(provider: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Makes clients of the scripted server that do not wait between tries."""
    monkeypatch.setattr(retry_policy, "backoff", lambda failures: 0.0)
    monkeypatch.setattr(refusals, "SECOND_TRY_AFTER", 0.0)
    made: list[Http] = []

    def make(base_url: str = provider.url, **options: Any) -> Http:
        made.append(Http(base_url, HttpOptions(auth=("ada@example.org", SECRET), **options)))
        return made[-1]

    yield make
    for each in made:
        each.close()
