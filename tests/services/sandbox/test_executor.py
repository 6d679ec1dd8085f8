"""Does the fast GraphQL executor support aliases, fragments, variables and directives?"""

from .conftest import Sandbox

REPOSITORY = 'repository(owner: "meridian-labs", name: "payments-api")'


def test_aliases_fragments_and_typenames(sandbox: Sandbox) -> None:
    answer = sandbox.graphql("""
        query Q($n: Int = 2) {
          one: repository(owner: "meridian-labs", name: "payments-api") {
            ...Parts
            pulls: pullRequests(first: $n) { __typename nodes { __typename number ...Who } }
          }
        }
        fragment Parts on Repository { __typename label: name owner { __typename ... on Organization { login } } }
        fragment Who on PullRequest { author { __typename ... on User { login } ... on Bot { name: login } } }
    """)
    one = answer["data"]["one"]
    assert (one["__typename"], one["label"]) == ("Repository", "payments-api")
    assert one["owner"] == {"__typename": "Organization", "login": "meridian-labs"}
    assert one["pulls"]["__typename"] == "PullRequestConnection"
    assert [p["number"] for p in one["pulls"]["nodes"]] == [1, 2]


def test_include_and_skip_follow_their_variables(sandbox: Sandbox) -> None:
    query = f"query($yes: Boolean!) {{ {REPOSITORY} {{ id @include(if: $yes) name @skip(if: $yes) }} }}"
    assert set(sandbox.graphql(query, yes=True)["data"]["repository"]) == {"id"}
    assert set(sandbox.graphql(query, yes=False)["data"]["repository"]) == {"name"}


def test_the_same_field_twice_is_merged(sandbox: Sandbox) -> None:
    answer = sandbox.graphql(f"{{ {REPOSITORY} {{ owner {{ id }} owner {{ login }} }} }}")
    assert set(answer["data"]["repository"]["owner"]) == {"id", "login"}


def test_variables_inside_nested_selections_are_not_mixed_up_by_the_cache(sandbox: Sandbox) -> None:
    query = f"""query($c: Int!) {{ {REPOSITORY} {{ pullRequests(first: 50) {{ nodes {{
        commits(first: $c) {{ totalCount nodes {{ id }} }} }} }} }} }}"""
    for size in (1, 3, 1):
        pulls = sandbox.graphql(query, c=size)["data"]["repository"]["pullRequests"]["nodes"]
        assert all(len(p["commits"]["nodes"]) == min(size, p["commits"]["totalCount"]) for p in pulls)


def test_cursors_lead_forth_and_back(sandbox: Sandbox) -> None:
    query = f"""query($first: Int, $last: Int, $after: String, $before: String) {{ {REPOSITORY} {{
        pullRequests(first: $first, last: $last, after: $after, before: $before) {{
          totalCount pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }}
          edges {{ cursor node {{ number }} }} }} }} }}"""

    def page(**given: object) -> dict[str, object]:
        return dict(sandbox.graphql(query, **given)["data"]["repository"]["pullRequests"])

    def numbers(of: dict[str, object]) -> list[int]:
        edges = of["edges"]
        assert isinstance(edges, list)
        return [e["node"]["number"] for e in edges]

    first = page(first=3)
    second = page(first=3, after=first["pageInfo"]["endCursor"])  # type: ignore[index]
    assert numbers(first) + numbers(second) == [1, 2, 3, 4, 5, 6]
    back = page(last=2, before=second["pageInfo"]["startCursor"])  # type: ignore[index]
    assert numbers(back) == [2, 3]
    end = page(last=1)
    assert end["pageInfo"]["hasNextPage"] is False  # type: ignore[index]
    assert numbers(end) == [end["totalCount"]]


def test_node_finds_every_kind_by_its_id(sandbox: Sandbox) -> None:
    query = f"""{{ {REPOSITORY} {{ id pullRequests(last: 20) {{ nodes {{ id reviews(first: 1) {{ nodes {{ id }} }}
        comments(first: 1) {{ nodes {{ id }} }} reviewThreads(first: 1) {{ nodes {{ id }} }} }} }} }} }}"""
    repository = sandbox.graphql(query)["data"]["repository"]
    ids = {repository["id"]: "Repository"}
    kinds = {"reviews": "PullRequestReview", "comments": "IssueComment", "reviewThreads": "PullRequestReviewThread"}
    for pull in repository["pullRequests"]["nodes"]:
        ids[pull["id"]] = "PullRequest"
        ids |= {n["id"]: kind for field, kind in kinds.items() for n in pull[field]["nodes"]}
    assert set(ids.values()) == {"Repository", "PullRequest", *kinds.values()}
    answer = sandbox.graphql("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=list(ids))
    assert {n["id"]: n["__typename"] for n in answer["data"]["nodes"]} == ids


def test_errors_of_the_query_are_told_and_cost_nothing_else(sandbox: Sandbox) -> None:
    assert "Cannot query field 'colour'" in sandbox.graphql("{ viewer { colour } }")["errors"][0]["message"]
    assert "Syntax Error" in sandbox.graphql("{ viewer ")["errors"][0]["message"]
    assert (
        "$n"
        in sandbox.graphql("query($n: Int!) { viewer { repositories(first: $n) { totalCount } } }")["errors"][0][
            "message"
        ]
    )
    partial = sandbox.graphql('{ viewer { login } repository(owner: "x", name: "y") { id } }')
    assert partial["data"]["viewer"]["login"]
    assert partial["data"]["repository"] is None
    assert partial["errors"][0]["path"] == ["repository"]
