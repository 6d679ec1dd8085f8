"""Are lists read to their end, and invalid names and answers refused?"""

import pytest

from apps.sources.errors import BadRequestError, InvalidAnswerError, NotFoundError
from apps.sources.github.client import Client, repository_path
from apps.sources.http import Http
from tests.unit.sources.github.memory import MemoryContext, extract
from tests.unit.sources.scripted import Say, ScriptedServer


def test_a_short_list_is_read_to_its_end(provider: ScriptedServer) -> None:
    link = {"Link": f'<{provider.url}/more?after=opaque>; rel="next"'}
    provider.on("/list", Say([{"id": 1}], headers=link))
    provider.on("/more", Say([{"id": 2}]))
    with Http(provider.url) as http:
        assert [bytes(item) for item in Client(http).every_item("/list")] == [b'{"id": 1}', b'{"id": 2}']
    assert provider.seen[0].query == {"per_page": "100"}


def test_a_list_that_leads_in_a_circle_is_refused(provider: ScriptedServer) -> None:
    provider.on("/list", Say([], headers={"Link": f'<{provider.url}/list?page=2>; rel="next"'}))
    with Http(provider.url) as http, pytest.raises(InvalidAnswerError, match="leads back"):
        Client(http).every_item("/list")


@pytest.mark.parametrize("name", ["", "shop", "acme/", "/shop", "acme/shop/pulls", "../user", "acme/.."])
def test_what_is_no_repository_name_is_refused(name: str) -> None:
    with pytest.raises(NotFoundError, match="owner/name"):
        repository_path(name)


def test_a_name_is_quoted_in_the_path() -> None:
    assert repository_path(" acme/shop?x=1#y ") == "/repos/acme/shop%3Fx%3D1%23y"


def test_a_refused_query_raises_with_the_reason(provider: ScriptedServer) -> None:
    provider.on("/graphql", Say({"errors": [{"message": "Parse error"}]}))
    with Http(provider.url) as http, pytest.raises(BadRequestError, match="Parse error"):
        Client(http).graphql("query Working { x }", {}, dict)


@pytest.mark.parametrize("payload", [{"id": [1], "full_name": 5}, {"id": 6, "full_name": None}])
def test_a_repository_that_cannot_be_read_is_stored_and_not_followed(
    provider: ScriptedServer, payload: dict[str, object]
) -> None:
    provider.on("/user/orgs", Say([]))
    provider.on("/user/repos", Say([payload]))
    with MemoryContext(provider.url) as context:
        extract(context, ("github_repositories",))
    assert len(context.records) == 1
    assert len(provider.seen) == 2
