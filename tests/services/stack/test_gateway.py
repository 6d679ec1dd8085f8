"""Does the gateway answer the unmodified QdrantClient as Qdrant would? Collections, and who may ask."""

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from apps.stack.services.embedded import EmbeddedServices
from tests.services.stack.conftest import Create, connect, refusal


def test_collections_are_created_listed_described_and_deleted(client: QdrantClient, collection: Create) -> None:
    name = collection(size=3, distance=models.Distance.COSINE)
    assert client.collection_exists(name)
    assert name in [known.name for known in client.get_collections().collections]
    info = client.get_collection(name)
    assert info.points_count == 0
    assert info.status == models.CollectionStatus.GREEN
    assert info.config.params.vectors == models.VectorParams(size=3, distance=models.Distance.COSINE)
    assert client.delete_collection(name) is True
    assert client.delete_collection(name) is False
    assert not client.collection_exists(name)


def test_an_existing_collection_is_not_made_again(client: QdrantClient, collection: Create) -> None:
    name = collection()
    with pytest.raises(UnexpectedResponse) as error:
        client.create_collection(name, vectors_config=models.VectorParams(size=3, distance=models.Distance.DOT))
    assert refusal(error) == (409, f"Wrong input: Collection `{name}` already exists!")


@pytest.mark.parametrize("name", ["..", ".hidden", "a b", "x" * 256])
def test_a_name_that_is_no_folder_name_is_refused(client: QdrantClient, services: EmbeddedServices, name: str) -> None:
    assert services.qdrant
    quoted = name.replace(".", "%2E")
    answer = httpx.put(
        f"{services.qdrant.url}/collections/{quoted}",
        headers={"api-key": services.qdrant.api_key},
        json={"vectors": {"size": 4, "distance": "Dot"}},
    )
    assert answer.status_code in {400, 404}  # 404: the HTTP client itself has resolved ".."
    assert name not in [known.name for known in client.get_collections().collections]


def test_an_unknown_collection_is_404_in_qdrants_words(client: QdrantClient) -> None:
    for call in (client.count, client.get_collection, client.scroll):
        with pytest.raises(UnexpectedResponse) as error:
            call("nowhere")
        assert refusal(error) == (404, "Not found: Collection `nowhere` doesn't exist!")


def test_the_api_key_is_required(services: EmbeddedServices) -> None:
    assert services.qdrant
    address = f"{services.qdrant.url}/collections"
    missing = httpx.get(address)
    assert (missing.status_code, missing.text) == (
        401,
        "Must provide an API key or an Authorization bearer token",
    )
    wrong = httpx.get(address, headers={"api-key": "guess"})
    assert (wrong.status_code, wrong.text) == (401, "Invalid API key or JWT")
    assert httpx.get(address, headers={"authorization": f"Bearer {services.qdrant.api_key}"}).status_code == 200
    impostor = connect(services.qdrant, api_key="guess")
    with pytest.raises(UnexpectedResponse):
        impostor.get_collections()
    impostor.close()


def test_health_and_version_are_open(services: EmbeddedServices) -> None:
    assert services.qdrant
    for path in ("/healthz", "/livez", "/readyz"):
        assert httpx.get(services.qdrant.url + path).status_code == 200
    assert httpx.get(services.qdrant.url).json()["version"].startswith("1.")


def test_a_body_over_qdrants_limit_is_refused(services: EmbeddedServices, collection: Create) -> None:
    assert services.qdrant
    answer = httpx.put(
        f"{services.qdrant.url}/collections/{collection()}/points",
        headers={"api-key": services.qdrant.api_key},
        content=b" " * (32 * 1024 * 1024 + 1),
        timeout=60,
    )
    assert answer.status_code == 413
