"""Does the gateway answer the unmodified QdrantClient as Qdrant would?"""

import math
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from apps.stack.services.embedded import EmbeddedServices
from tests.services.stack.conftest import connect

Create = Callable[..., str]
UUID = "550e8400-e29b-41d4-a716-446655440000"


def points(count: int) -> list[models.PointStruct]:
    return [models.PointStruct(id=n, vector=[float(n), 1.0, 0.0, 0.0], payload={"n": n}) for n in range(count)]


def refusal(error: pytest.ExceptionInfo[UnexpectedResponse]) -> tuple[int | None, str]:
    body = error.value.structured()
    assert body["time"] >= 0
    return error.value.status_code, body["status"]["error"]


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


def test_the_nearest_points_come_first(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(10))
    best = client.query_points(name, query=[1.0, 0.0, 0.0, 0.0], limit=3, with_payload=True).points
    assert [(point.id, point.score, point.payload) for point in best] == [(n, float(n), {"n": n}) for n in (9, 8, 7)]
    assert client.query_points(name, query=np.array([1.0, 0, 0, 0]), limit=1, offset=2).points[0].id == 7
    above = client.query_points(name, query=[1.0, 0.0, 0.0, 0.0], score_threshold=7.5).points
    assert [point.id for point in above] == [9, 8]
    with_vector = client.query_points(name, query=[1.0, 0.0, 0.0, 0.0], limit=1, with_vectors=True).points[0]
    assert with_vector.vector == [9, 1, 0, 0]
    assert with_vector.payload == {"n": 9}  # the client asks for payloads by default


def test_a_query_by_id_leaves_that_point_out(client: QdrantClient, collection: Create) -> None:
    name = collection(distance=models.Distance.COSINE)
    client.upsert(name, points(5))
    assert [point.id for point in client.query_points(name, query=4, limit=2).points] == [3, 2]
    low = models.Filter(must=[models.FieldCondition(key="n", range=models.Range(lt=3))])
    assert [point.id for point in client.query_points(name, query=4, query_filter=low, limit=2).points] == [
        2,
        1,
    ]
    with pytest.raises(UnexpectedResponse) as error:
        client.query_points(name, query=99)
    assert refusal(error) == (404, "Not found: No point with id 99 found")


def test_queries_in_a_batch_answer_each(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(5))
    answers = client.query_batch_points(
        name,
        [models.QueryRequest(query=[sign, 0.0, 0.0, 0.0], limit=1, with_payload=True) for sign in (1.0, -1.0)],
    )
    assert [answer.points[0].id for answer in answers] == [4, 0]


@pytest.mark.parametrize(
    "query",
    [
        models.FusionQuery(fusion=models.Fusion.RRF),
        models.SampleQuery(sample=models.Sample.RANDOM),
        models.RecommendQuery(recommend=models.RecommendInput(positive=[1])),
    ],
)
def test_a_query_of_a_kind_left_out_is_refused(client: QdrantClient, collection: Create, query: models.Query) -> None:
    with pytest.raises(UnexpectedResponse) as error:
        client.query_points(collection(), query=query)
    assert refusal(error)[0] == 400


def test_scroll_goes_through_all_pages(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(25))
    seen, offset = [], None
    while True:
        page, offset = client.scroll(name, limit=10, offset=offset, with_payload=["n"], with_vectors=False)
        seen += [record.id for record in page]
        if offset is None:
            break
    assert seen == list(range(25))


def test_counts_are_exact_with_and_without_a_filter(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(25))
    assert client.count(name, exact=True).count == 25
    some = models.Filter(must=[models.FieldCondition(key="n", range=models.Range(gte=5, lt=10))])
    assert client.count(name, count_filter=some).count == 5


def test_facets_count_the_values_of_an_indexed_field(client: QdrantClient, collection: Create) -> None:
    name = collection()
    client.upsert(name, points(10))
    client.create_payload_index(
        name, "kind", models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    )
    client.set_payload(name, {"kind": "odd"}, points=[1, 3, 5])
    client.set_payload(name, {"kind": "even"}, points=[2, 4])
    hits = client.facet(name, "kind", exact=True).hits
    assert [(hit.value, hit.count) for hit in hits] == [("odd", 3), ("even", 2)]
    assert client.get_collection(name).payload_schema["kind"].data_type == models.PayloadSchemaType.KEYWORD


@pytest.mark.parametrize("kind", ["keyword", "integer", "float", "bool", "datetime", "uuid", "text"])
def test_each_kind_of_payload_index_is_made(client: QdrantClient, collection: Create, kind: str) -> None:
    name = collection()
    client.create_payload_index(name, "field", models.PayloadSchemaType(kind))
    assert client.get_collection(name).payload_schema["field"].data_type == models.PayloadSchemaType(kind)


def test_a_text_index_takes_its_settings(client: QdrantClient, collection: Create) -> None:
    name = collection()
    words = models.TextIndexParams(
        type=models.TextIndexType.TEXT, tokenizer=models.TokenizerType.WORD, min_token_len=2, lowercase=True
    )
    client.create_payload_index(name, "text", words)
    client.upsert(name, [models.PointStruct(id=1, vector=[1.0, 0.0, 0.0, 0.0], payload={"text": "Fix the LOGIN page"})])
    match = models.FieldCondition(key="text", match=models.MatchText(text="login fix"))
    assert client.count(name, count_filter=models.Filter(must=[match])).count == 1


@pytest.fixture(scope="module")
def filtered(client: QdrantClient) -> str:
    name = "filters"
    client.create_collection(name, vectors_config=models.VectorParams(size=1, distance=models.Distance.DOT))
    day = "2026-01-0{}T00:00:00Z"
    payloads = [
        {
            "tag": "a",
            "n": 1,
            "on": True,
            "at": day.format(1),
            "who": {"name": "Ada"},
            "parts": [{"x": 1, "y": 2}],
        },
        {
            "tag": "b",
            "n": 2,
            "on": False,
            "at": day.format(2),
            "who": {"name": "Bob"},
            "parts": [{"x": 1, "y": 3}],
        },
        {"tag": ["a", "c"], "n": 3.5, "at": day.format(3), "parts": [{"x": 1}, {"y": 2}], "gone": None},
        {"tag": [], "n": 4, "text": "the quick brown fox"},
    ]
    client.upsert(name, [models.PointStruct(id=i, vector=[1.0], payload=p) for i, p in enumerate(payloads)])
    return name


def key(name: str, **condition: object) -> models.FieldCondition:
    return models.FieldCondition(key=name, **condition)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (models.Filter(must=[key("tag", match=models.MatchValue(value="a"))]), [0, 2]),
        (models.Filter(must=[key("n", match=models.MatchValue(value=2))]), [1]),
        (models.Filter(must=[key("on", match=models.MatchValue(value=True))]), [0]),
        (models.Filter(must=[key("tag", match=models.MatchAny(any=["b", "c"]))]), [1, 2]),
        (models.Filter(must=[key("n", match=models.MatchAny(any=[1, 4]))]), [0, 3]),
        (models.Filter(must=[key("tag", match=models.MatchExcept(**{"except": ["a"]}))]), [1, 2]),
        (models.Filter(must=[key("text", match=models.MatchText(text="quick"))]), [3]),
        (models.Filter(must=[key("n", range=models.Range(gt=1, lte=3.5))]), [1, 2]),
        (
            models.Filter(
                must=[
                    key(
                        "at",
                        range=models.DatetimeRange(
                            gte=datetime(2026, 1, 2, tzinfo=UTC), lt=datetime(2026, 1, 3, tzinfo=UTC)
                        ),
                    )
                ]
            ),
            [1],
        ),
        (models.Filter(must=[key("parts", values_count=models.ValuesCount(gte=2))]), [2]),
        (models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tag"))]), [3]),
        (models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="who"))]), [2, 3]),
        (models.Filter(must=[models.IsNullCondition(is_null=models.PayloadField(key="gone"))]), [2]),
        (models.Filter(must=[models.HasIdCondition(has_id=[1, 3, 9])]), [1, 3]),
        (models.Filter(must=[key("who.name", match=models.MatchValue(value="Ada"))]), [0]),
        (models.Filter(must=[key("parts[].y", match=models.MatchValue(value=2))]), [0, 2]),
        (
            models.Filter(
                must=[
                    models.NestedCondition(
                        nested=models.Nested(
                            key="parts",
                            filter=models.Filter(
                                must=[
                                    key("x", match=models.MatchValue(value=1)),
                                    key("y", match=models.MatchValue(value=2)),
                                ]
                            ),
                        )
                    )
                ]
            ),
            [0],
        ),
        (models.Filter(must_not=[key("tag", match=models.MatchValue(value="a"))]), [1, 3]),
        (
            models.Filter(
                should=[
                    key("n", match=models.MatchValue(value=1)),
                    key("n", match=models.MatchValue(value=4)),
                ]
            ),
            [0, 3],
        ),
        (
            models.Filter(
                min_should=models.MinShould(
                    min_count=2,
                    conditions=[
                        key("tag", match=models.MatchValue(value="a")),
                        key("n", range=models.Range(gte=2)),
                        key("at", range=models.DatetimeRange(gte=datetime(2026, 1, 2, tzinfo=UTC))),
                    ],
                )
            ),
            [1, 2],
        ),
        (
            models.Filter(
                must=[
                    models.Filter(
                        should=[
                            key("tag", match=models.MatchValue(value="b")),
                            models.HasIdCondition(has_id=[0]),
                        ]
                    )
                ],
                must_not=models.HasIdCondition(has_id=[1]),
            ),
            [0],
        ),
    ],
)
def test_filters_select_what_they_say(
    client: QdrantClient, filtered: str, condition: models.Filter, expected: list[int]
) -> None:
    assert [record.id for record in client.scroll(filtered, scroll_filter=condition)[0]] == expected
    queried = client.query_points(filtered, query=[1.0], query_filter=condition).points
    assert sorted(int(point.id) for point in queried) == expected


@pytest.mark.parametrize(
    "condition",
    [
        {"must": [{"key": "n", "match": {"value": 1, "text": "x"}}]},
        {"must": [{"key": "n", "match": {"any": [1, "a"]}}]},
        {"must": [{"key": "n", "range": {"gte": 1, "lt": "2026-01-01T00:00:00Z"}}]},
        {"must": [{"key": "n", "range": {"gte": "not a date"}}]},
        {"must": [{"key": "at", "geo_radius": {"center": {"lon": 1, "lat": 1}, "radius": 5}}]},
        {"perhaps": []},
        {"must": [{"has_id": [-1]}]},
    ],
)
def test_a_filter_that_is_not_understood_is_refused(
    services: EmbeddedServices, filtered: str, condition: object
) -> None:
    assert services.qdrant
    answer = httpx.post(
        f"{services.qdrant.url}/collections/{filtered}/points/count",
        headers={"api-key": services.qdrant.api_key},
        json={"filter": condition},
    )
    assert answer.status_code == 400
    assert answer.json()["status"]["error"]


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
