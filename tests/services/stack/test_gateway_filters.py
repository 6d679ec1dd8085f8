"""Does the gateway select the points that a filter means to Qdrant?"""

from datetime import UTC, datetime

import httpx
import pytest
from qdrant_client import QdrantClient, models

from apps.stack.services.embedded import EmbeddedServices


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
