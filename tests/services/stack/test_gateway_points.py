"""Does the gateway keep points and their payloads as Qdrant would?"""

import math

import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from apps.stack.services.embedded import EmbeddedServices
from tests.services.stack.conftest import Create, points, refusal

UUID = "550e8400-e29b-41d4-a716-446655440000"


def test_points_are_upserted_as_list_and_as_batch_and_retrieved(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(
        name, [models.PointStruct(id=1, vector=[1.0, 2.0, 3.0, 4.0], payload={"deep": {"list": [1, None, "ü"]}})]
    )
    client.upsert(
        name, models.Batch(ids=[2, UUID], vectors=[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], payloads=[{"a": 1}, {}])
    )
    client.upsert(name, [models.PointStruct(id=2, vector=[9.0, 9.0, 9.0, 9.0], payload={"a": 2})])

    found = {record.id: record for record in client.retrieve(name, [1, 2, UUID, 77], with_vectors=True)}

    assert set(found) == {1, 2, UUID}
    assert found[1].payload == {"deep": {"list": [1, None, "ü"]}}
    assert found[1].vector == [1, 2, 3, 4]
    assert (found[2].payload, found[2].vector) == ({"a": 2}, [9, 9, 9, 9])
    assert client.retrieve(name, [1], with_payload=False)[0].payload is None
    assert client.retrieve(name, [1], with_payload=["other"])[0].payload == {}


def test_columns_of_unequal_length_are_refused(client: QdrantClient, collection: Create) -> None:
    name = collection()
    with pytest.raises(UnexpectedResponse) as error:
        client.upsert(name, models.Batch(ids=[1, 2], vectors=[[1.0, 0.0, 0.0, 0.0]]))
    assert refusal(error)[0] == 400
    assert client.count(name).count == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e39])
def test_numbers_that_are_not_finite_floats_are_refused(client: QdrantClient, collection: Create, bad: float) -> None:
    name = collection()
    with pytest.raises(UnexpectedResponse) as error:
        client.upsert(name, [*points(1), models.PointStruct(id=9, vector=[1.0, bad, 0.0, 0.0])])
    assert refusal(error)[0] == 400
    with pytest.raises(UnexpectedResponse) as error:
        client.query_points(name, query=[1.0, bad, 0.0, 0.0])
    assert refusal(error)[0] == 400
    assert client.count(name).count == 0


def test_a_raw_nan_is_refused(services: EmbeddedServices, collection: Create) -> None:
    assert services.qdrant
    name = collection()
    for number in (b"NaN", b"Infinity", b"1e999", b"null"):
        answer = httpx.put(
            f"{services.qdrant.url}/collections/{name}/points",
            headers={"api-key": services.qdrant.api_key},
            content=b'{"points":[{"id":1,"vector":[1,1,1,' + number + b"]}]}",
        )
        assert answer.status_code == 400
        assert answer.json()["status"]["error"].startswith("Format error in JSON body")


def test_a_wrong_dimension_is_refused(client: QdrantClient, collection: Create) -> None:
    name = collection()
    for call in (
        lambda: client.upsert(name, [models.PointStruct(id=1, vector=[1.0])]),
        lambda: client.query_points(name, query=[1.0]),
    ):
        with pytest.raises(UnexpectedResponse) as error:
            call()
        assert refusal(error) == (400, "Wrong input: Vector dimension error: expected dim: 4, got 1")


def test_points_are_deleted_by_ids_and_by_filter(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(10))
    client.delete(name, [0, 1, 999])
    client.delete(name, models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=8))]))
    assert [record.id for record in client.scroll(name)[0]] == [2, 3, 4, 5, 6, 7]


def test_payload_is_set_overwritten_and_deleted(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(3))
    client.set_payload(name, {"extra": True}, points=[0, 1])
    client.set_payload(name, {"x": 1}, points=[0], key="nested")
    only_two = models.Filter(must=[models.FieldCondition(key="n", match=models.MatchValue(value=2))])
    client.overwrite_payload(name, {"new": "all"}, points=only_two)
    client.delete_payload(name, ["extra"], points=[1])
    payloads = {record.id: record.payload for record in client.scroll(name)[0]}
    assert payloads == {0: {"n": 0, "extra": True, "nested": {"x": 1}}, 1: {"n": 1}, 2: {"new": "all"}}
    client.clear_payload(name, points_selector=[0])
    assert client.retrieve(name, [0])[0].payload == {}


def test_payload_of_a_missing_point_is_404(client: QdrantClient, collection: Create) -> None:
    name = collection()
    with pytest.raises(UnexpectedResponse) as error:
        client.set_payload(name, {"a": 1}, points=[5])
    assert refusal(error) == (404, "Not found: No point with id 5 found")


def test_a_batch_does_all_its_operations_in_order(client: QdrantClient, collection: Create) -> None:
    name = collection()
    results = client.batch_update_points(
        name,
        [
            models.UpsertOperation(upsert=models.PointsList(points=points(4))),
            models.DeleteOperation(delete=models.PointIdsList(points=[0])),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload={"s": 1}, points=[1])),
            models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload={"o": 1}, points=[2])),
            models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["n"], points=[3])),
        ],
    )
    assert [result.status for result in results] == [models.UpdateStatus.COMPLETED] * 5
    assert {r.id: r.payload for r in client.scroll(name)[0]} == {1: {"n": 1, "s": 1}, 2: {"o": 1}, 3: {}}


def test_a_batch_with_a_bad_operation_changes_nothing(client: QdrantClient, collection: Create) -> None:
    name = collection()
    bad = models.PointStruct(id=1, vector=[1.0])
    with pytest.raises(UnexpectedResponse):
        client.batch_update_points(
            name,
            [
                models.UpsertOperation(upsert=models.PointsList(points=points(2))),
                models.UpsertOperation(upsert=models.PointsList(points=[bad])),
            ],
        )
    assert client.count(name).count == 0
