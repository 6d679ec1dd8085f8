"""Does GitHub's own schema accept every query that is sent over GraphQL?"""

from itertools import combinations_with_replacement
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from apps.sources.github.estimate import MAX_COUNTED_REPOSITORIES, totals_query
from apps.sources.github.extract import queries

SCHEMA = Path(__file__).parents[3] / "shared/payloads/openapi-github/schema.graphql"
PLAIN = {name: text for name, text in vars(queries).items() if isinstance(text, str) and text.startswith("query ")}
KINDS = ("commits", "reviews", "comments", "reviewThreads", queries.THREAD_COMMENTS)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    if not SCHEMA.exists():
        pytest.skip("GitHub's schema lies beside the repository, in shared/payloads, and is absent here")
    return build_schema(SCHEMA.read_text(), assume_valid=True)


@pytest.mark.parametrize("name", PLAIN)
def test_a_query_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert [str(error) for error in validate(schema, parse(PLAIN[name]))] == []


@pytest.mark.parametrize("kinds", list(combinations_with_replacement(KINDS, 2)))
def test_a_query_for_several_pages_is_valid(schema: GraphQLSchema, kinds: tuple[str, str]) -> None:
    assert [str(error) for error in validate(schema, parse(queries.pages(kinds)))] == []


@pytest.mark.parametrize("number", [1, MAX_COUNTED_REPOSITORIES])
def test_a_query_for_totals_is_valid(schema: GraphQLSchema, number: int) -> None:
    assert [str(error) for error in validate(schema, parse(totals_query(number)))] == []


def test_a_misspelt_field_is_refused(schema: GraphQLSchema) -> None:
    wrong = queries.PULL_REQUESTS.replace("updatedAt", "updatedAtt")
    assert validate(schema, parse(wrong))


@pytest.mark.parametrize("groups", [0, 1, 10])
def test_an_index_of_pull_requests_is_valid(schema: GraphQLSchema, groups: int) -> None:
    assert [str(error) for error in validate(schema, parse(queries.pull_request_index(groups)))] == []


def test_all_queries_are_covered() -> None:
    assert set(PLAIN) == {
        "PULL_REQUESTS",
        "PULL_REQUEST_DETAILS",
        "DEPLOYMENTS",
        "DEPLOYMENT_DETAILS",
        "OVERVIEW",
    }
