"""Does the gateway find, page through and count points as Qdrant would?"""

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.services.stack.conftest import Create, points, refusal


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
