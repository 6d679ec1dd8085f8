"""How do the tests of the stack get running services? They start the stack's own classes in a separate folder."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.qdrant import Qdrant

Create = Callable[..., str]


@pytest.fixture
def data() -> Iterator[Path]:
    # Not tmp_path: it is below a 0700 folder of pytest, which PostgreSQL's user cannot enter.
    with tempfile.TemporaryDirectory(prefix="etl-stack-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def services() -> Iterator[EmbeddedServices]:
    with (
        tempfile.TemporaryDirectory(prefix="etl-stack-") as folder,
        EmbeddedServices(Path(folder), is_durable=False) as running,
    ):
        yield running


def connect(service: Qdrant, api_key: str | None = None) -> QdrantClient:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
        return QdrantClient(url=service.url, api_key=api_key or service.api_key, timeout=30)


@pytest.fixture(scope="session")
def client(services: EmbeddedServices) -> Iterator[QdrantClient]:
    assert services.qdrant
    connected = connect(services.qdrant)
    yield connected
    connected.close()


@pytest.fixture
def collection(client: QdrantClient) -> Create:
    def create(size: int = 4, distance: models.Distance = models.Distance.DOT) -> str:
        name = f"c-{uuid4().hex}"
        client.create_collection(name, vectors_config=models.VectorParams(size=size, distance=distance))
        return name

    return create


def points(count: int) -> list[models.PointStruct]:
    """Points with ids and payloads 0, 1, …; a later point is nearer to the first axis."""
    return [models.PointStruct(id=n, vector=[float(n), 1.0, 0.0, 0.0], payload={"n": n}) for n in range(count)]


def refusal(error: pytest.ExceptionInfo[UnexpectedResponse]) -> tuple[int | None, str]:
    """The status and the sentence of Qdrant's answer."""
    body = error.value.structured()
    assert body["time"] >= 0
    return error.value.status_code, body["status"]["error"]
