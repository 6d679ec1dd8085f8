"""Which fixtures do the Jira tests share?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.sources import refusals, retry_policy
from apps.sources.base import Connection
from apps.sources.jira import Jira
from tests.unit.sources.jira.samples import FIELDS, record
from tests.unit.sources.memory import MemoryContext
from tests.unit.sources.scripted import Say, ScriptedServer

MakeContext = Callable[..., MemoryContext]


@pytest.fixture
def make_context(provider: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeContext]:
    """Contexts that talk to the scripted server without waiting between tries."""
    monkeypatch.setattr(retry_policy, "backoff", lambda failures: 0.0)
    monkeypatch.setattr(refusals, "SECOND_TRY_AFTER", 0.0)
    provider.on("/rest/api/3/myself", Say({"accountId": "ada"}))
    made: list[MemoryContext] = []

    def make(*scopes: str, with_fields: bool = True, **options: Any) -> MemoryContext:
        connection = Connection(provider.url, "ada@example.org", "token", scopes)
        context = MemoryContext(connection, Jira().http(connection), **options)
        context.store([record("field", field["id"], field) for field in FIELDS if with_fields])
        made.append(context)
        return context

    yield make
    for context in made:
        context.http.close()


@pytest.fixture
def context(make_context: MakeContext) -> MemoryContext:
    return make_context()
