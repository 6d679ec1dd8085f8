"""Do the sandbox's answers match the providers' own descriptions, and does its GraphQL schema match GitHub's?"""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest
import requests
import uvicorn
from graphql import (
    ExecutionResult,
    GraphQLAbstractType,
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    execute,
    get_named_type,
    is_abstract_type,
    is_input_object_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
    is_union_type,
    parse,
)

from apps.sandbox.config import Options
from apps.sandbox.github.graphql import schema_text
from apps.sandbox.server import build

PAYLOADS = Path(__file__).parents[3] / "shared" / "payloads"
pytestmark = pytest.mark.skipif(not PAYLOADS.exists(), reason="the folder ../shared/payloads is not beside this clone")

JIRA = "openapi-jira/jira-platform-v3.subset.json"
AGILE = "openapi-jira/jira-software.subset.json"
GITHUB = "openapi-github/github-rest.subset.json"


def nullable(schema: Any) -> Any:
    """OpenAPI's `nullable` as a union of types, at every level."""
    if isinstance(schema, list):
        return [nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {k: nullable(v) for k, v in schema.items() if k not in ("nullable", "example", "examples")}
    if schema.get("nullable") is True:
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        elif any(k in made for k in ("allOf", "anyOf", "oneOf", "$ref")):
            made = {"anyOf": [made, {"type": "null"}]}
    return made


def as_really_seen(name: str, schemas: dict[str, Any]) -> None:
    """The description with what recorded real answers contain against it: nulls, and fields that it does not name."""
    null = {"type": ["string", "null"]}
    if name == JIRA:
        for field in ("from", "fromString", "to", "toString", "fieldId"):
            schemas["ChangeDetails"]["properties"][field] = null
        for kind in ("User", "UserDetails"):
            schemas[kind]["properties"]["emailAddress"] = null
        schemas["SearchAndReconcileResults"]["properties"]["nextPageToken"] = null
        schemas["IssueTypeDetails"]["properties"]["untranslatedName"] = {"type": "string"}
        schemas["Project"]["properties"]["entityId"] = {"type": "string"}
    if name == GITHUB:
        for field in ("line", "position"):
            schemas["pull-request-review-comment"]["properties"][field] = {"type": ["integer", "null"]}
        # Deleted forks and people: null in thousands of recorded pull requests.
        for kind in ("pull-request", "pull-request-simple"):
            head = schemas[kind]["properties"]["head"]["properties"]
            for part in ("repo", "user", "label"):
                head[part] = {"anyOf": [head[part], {"type": "null"}]}
        schemas["pull-request"]["properties"]["user"] = {"$ref": "#/components/schemas/nullable-simple-user"}


@cache
def description(name: str) -> dict[str, Any]:
    """A description, ready for a JSON Schema validator."""
    made: dict[str, Any] = nullable(json.loads((PAYLOADS / name).read_text()))
    as_really_seen(name, made["components"]["schemas"])
    return made


@cache
def validator(name: str, method: str, template: str) -> Any:
    """The validator of an operation's 200 answer."""
    whole = description(name)
    schema = whole["paths"][template][method]["responses"]["200"]["content"]["application/json"]["schema"]
    if template == "/rest/agile/1.0/board/{boardId}/configuration":
        # The real answer names the project (recorded); the description only knows an id.
        schema = schema | {"properties": schema["properties"] | {"location": {"type": "object"}}}
    return jsonschema_rs.validator_for(schema | {"components": whole["components"]}, validate_formats=False)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The address of a sandbox that runs in a thread of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = build(Options(issues=300, prs=60, seed=11), address)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield address
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One session for all requests."""
    with requests.Session() as made:
        yield made


def check(name: str, method: str, template: str, answer: Any) -> None:
    """Fail with the first places where an answer differs from the description."""
    errors = [
        f"{'/'.join(map(str, e.instance_path))}: {e.message[:200]}"
        for e in validator(name, method, template).iter_errors(answer)
    ]
    assert not errors, f"{method} {template}: " + "\n".join(errors[:5])


def ask_jira(session: requests.Session, base: str, path: str, body: Any = None) -> Any:
    """A good answer of the Jira site."""
    token = base64.b64encode(b"reader:sandbox-token").decode()
    reply = session.request("POST" if body else "GET", f"{base}/jira{path}", json=body,
                            headers={"Authorization": f"Basic {token}"}, timeout=30)  # fmt: skip
    assert reply.status_code == 200, f"{path}: {reply.text[:300]}"
    return reply.json()


V3 = "/rest/api/3"
JIRA_GETS = {
    f"{V3}/serverInfo": "", f"{V3}/myself": "", f"{V3}/field": "", f"{V3}/status": "", f"{V3}/statuscategory": "",
    f"{V3}/statuses/search": "?maxResults=5", f"{V3}/issuetype": "", f"{V3}/priority": "", f"{V3}/resolution": "",
    f"{V3}/issueLinkType": "", f"{V3}/users/search": "", f"{V3}/search/jql": "?jql=project%3DPAY&fields=*all",
    f"{V3}/project/search": "?status=live&status=archived",
}  # fmt: skip


@pytest.mark.parametrize("template", JIRA_GETS)
def test_jira_lists(session: requests.Session, base: str, template: str) -> None:
    check(JIRA, "get", template, ask_jira(session, base, template + JIRA_GETS[template]))


def test_jira_issues_in_every_form(session: requests.Session, base: str) -> None:
    jql = "project in (PAY, CHK, IDN, K8S, MOB, GROW, LAGER)"
    found = ask_jira(session, base, f"{V3}/search/jql", {"jql": jql, "maxResults": 5000})
    check(JIRA, "post", f"{V3}/search/jql", found)
    check(
        JIRA,
        "post",
        f"{V3}/search/approximate-count",
        ask_jira(session, base, f"{V3}/search/approximate-count", {"jql": jql}),
    )
    ids = [i["id"] for i in found["issues"]]
    for start in range(0, len(ids), 99):
        body = {"issueIdsOrKeys": [*ids[start : start + 99], "1"], "fields": ["*all"], "expand": ["changelog"]}
        check(JIRA, "post", f"{V3}/issue/bulkfetch", ask_jira(session, base, f"{V3}/issue/bulkfetch", body))
    every = {"issueIdsOrKeys": ids, "maxResults": 10_000}
    check(JIRA, "post", f"{V3}/changelog/bulkfetch", ask_jira(session, base, f"{V3}/changelog/bulkfetch", every))
    for number in ids[:40]:
        for suffix in ("", "/changelog", "/comment", "/worklog"):
            answer = ask_jira(session, base, f"{V3}/issue/{number}{suffix}")
            check(JIRA, "get", f"{V3}/issue/{{issueIdOrKey}}{suffix}", answer)


@pytest.mark.parametrize("key", ["PAY", "GROW", "LAGER", "PORTAL"])
def test_jira_projects(session: requests.Session, base: str, key: str) -> None:
    for suffix in ("", "/statuses"):
        answer = ask_jira(session, base, f"{V3}/project/{key}{suffix}")
        check(JIRA, "get", f"{V3}/project/{{projectIdOrKey}}{suffix}", answer)


def test_jira_boards(session: requests.Session, base: str) -> None:
    boards = ask_jira(session, base, "/rest/agile/1.0/board")
    check(AGILE, "get", "/rest/agile/1.0/board", boards)
    for board in boards["values"]:
        for suffix in ("", "/configuration"):
            answer = ask_jira(session, base, f"/rest/agile/1.0/board/{board['id']}{suffix}")
            check(AGILE, "get", f"/rest/agile/1.0/board/{{boardId}}{suffix}", answer)


def test_descriptions_and_comments_are_valid_documents(session: requests.Session, base: str) -> None:
    schema = json.loads((PAYLOADS / "adf-schema" / "full.json").read_text())
    document = jsonschema_rs.validator_for(schema)
    body = {"jql": "project in (PAY, LAGER)", "fields": ["description", "comment"], "maxResults": 100}
    seen = 0
    for issue in ask_jira(session, base, f"{V3}/search/jql", body)["issues"]:
        texts = [c["body"] for c in issue["fields"]["comment"]["comments"]]
        for text in [*texts, issue["fields"]["description"]]:
            if text is not None:
                document.validate(text)
                seen += 1
    assert seen > 100


def ask_github(session: requests.Session, base: str, path: str) -> Any:
    """A good answer of GitHub's REST API."""
    url = path if path.startswith("http") else f"{base}/github{path}"
    reply = session.get(url, headers={"Authorization": "Bearer sandbox-token"}, timeout=30)
    assert reply.status_code == 200, f"{path}: {reply.text[:300]}"
    return reply.json()


GITHUB_GETS = {
    "/user": "", "/user/repos": "", "/orgs/{org}": "", "/orgs/{org}/repos": "", "/users/{username}": "",
    "/users/{username}/repos": "", "/rate_limit": "", "/repos/{owner}/{repo}": "",
    "/repos/{owner}/{repo}/pulls": "?state=all&per_page=100", "/repos/{owner}/{repo}/pulls/comments": "?per_page=100",
    "/repos/{owner}/{repo}/issues": "?state=all&per_page=100", "/repos/{owner}/{repo}/issues/comments": "?per_page=100",
    "/repos/{owner}/{repo}/commits": "?per_page=100", "/repos/{owner}/{repo}/releases": "",
    "/repos/{owner}/{repo}/releases/latest": "", "/repos/{owner}/{repo}/deployments": "",
    "/repos/{owner}/{repo}/environments": "", "/repos/{owner}/{repo}/actions/runs": "",
    "/repos/{owner}/{repo}/branches": "", "/repos/{owner}/{repo}/tags": "",
}  # fmt: skip
NAMES = {"{org}": "meridian-labs", "{owner}": "meridian-labs", "{repo}": "payments-api", "{username}": "amira-haddad"}


@pytest.mark.parametrize("template", GITHUB_GETS)
def test_github_lists(session: requests.Session, base: str, template: str) -> None:
    path = template
    for slot, name in NAMES.items():
        path = path.replace(slot, name)
    check(GITHUB, "get", template, ask_github(session, base, path + GITHUB_GETS[template]))


def test_github_pull_requests_with_all_that_hangs_on_them(session: requests.Session, base: str) -> None:
    one = "/repos/{owner}/{repo}/pulls/{pull_number}"
    for repository in ask_github(session, base, "/orgs/meridian-labs/repos?per_page=100"):
        root = f"/repos/{repository['full_name']}"
        for pull in ask_github(session, base, f"{root}/pulls?state=all&per_page=100"):
            for suffix in ("", "/commits", "/reviews", "/comments", "/files"):
                answer = ask_github(session, base, f"{root}/pulls/{pull['number']}{suffix}")
                check(GITHUB, "get", one + suffix, answer)


def test_github_deployments_issues_and_commits_one_by_one(session: requests.Session, base: str) -> None:
    root = "/repos/meridian-labs/payments-api"
    templates = "/repos/{owner}/{repo}"
    for deployment in ask_github(session, base, f"{root}/deployments")[:5]:
        answer = ask_github(session, base, f"{root}/deployments/{deployment['id']}/statuses")
        check(GITHUB, "get", f"{templates}/deployments/{{deployment_id}}/statuses", answer)
    for issue in ask_github(session, base, f"{root}/issues?state=all")[:10]:
        path = f"{root}/issues/{issue['number']}"
        check(GITHUB, "get", f"{templates}/issues/{{issue_number}}", ask_github(session, base, path))
        check(
            GITHUB,
            "get",
            f"{templates}/issues/{{issue_number}}/comments",
            ask_github(session, base, f"{path}/comments"),
        )
    sha = ask_github(session, base, f"{root}/commits")[0]["sha"]
    check(GITHUB, "get", f"{templates}/commits/{{ref}}", ask_github(session, base, f"{root}/commits/{sha}"))


@pytest.fixture(scope="module")
def official() -> GraphQLSchema:
    """GitHub's own schema."""
    return build_schema((PAYLOADS / "openapi-github" / "schema.graphql").read_text(), assume_valid=True)


def test_the_graphql_schema_is_a_part_of_the_official_one(official: GraphQLSchema) -> None:
    ours = build_schema(schema_text())
    wrong: list[str] = []
    for name, kind in ours.type_map.items():
        known = official.type_map.get(name)
        if known is None or type(known) is not type(kind):
            wrong.append(name)
        elif is_union_type(kind):
            wrong += [f"{name}: {t}" for t in kind.types if t.name not in {k.name for k in known.types}]  # type: ignore[attr-defined]
        elif is_object_type(kind) and not name.startswith("__"):
            wrong += [f"{name}: {i}" for i in kind.interfaces if i.name not in {k.name for k in known.interfaces}]  # type: ignore[attr-defined]
        for field, ours_is in getattr(kind, "fields", {}).items():
            official_is = getattr(known, "fields", {}).get(field)
            if official_is is None or str(official_is.type) != str(ours_is.type):
                wrong.append(f"{name}.{field}")
            elif not is_input_object_type(kind):
                wrong += [f"{name}.{field}({a})" for a, v in ours_is.args.items()
                          if a not in official_is.args or str(official_is.args[a].type) != str(v.type)]  # fmt: skip
        if hasattr(kind, "values"):
            wrong += [f"{name}.{v}" for v in kind.values if v not in known.values]  # type: ignore[union-attr]
    assert not wrong


def selection(schema: GraphQLSchema, kind: GraphQLNamedType, above: tuple[str, ...]) -> str:
    """Every field of a type down to six levels, without cycles."""
    if is_abstract_type(kind):
        parts = [
            f"... on {t.name} {selection(schema, t, above)}"
            for t in schema.get_possible_types(cast(GraphQLAbstractType, kind))
        ]
        return "{ __typename " + " ".join(parts) + " }"
    parts = ["__typename"]
    for name, field in kind.fields.items():  # type: ignore[attr-defined]
        below = get_named_type(field.type)
        given = [f"first: {PAGE}"] if "first" in field.args else []
        given += ['refPrefix: "refs/heads/"'] if "refPrefix" in field.args else []
        if any(is_required_argument(a) for n, a in field.args.items() if n != "refPrefix"):
            continue
        if is_leaf_type(below):
            parts.append(name)
        elif below.name not in above and len(above) < 6:
            arguments = f"({', '.join(given)})" if given else ""
            parts.append(f"{name}{arguments} {selection(schema, below, (*above, below.name))}")
    return "{ " + " ".join(parts) + " }"


PAGE = 12


@pytest.mark.parametrize("name", ["payments-api", "legacy-shop", "incubator"])
def test_graphql_answers_have_the_types_and_nulls_of_their_schema(
    session: requests.Session, base: str, name: str
) -> None:
    ours = build_schema(schema_text())
    fields = selection(ours, ours.type_map["Repository"], ("Query", "Repository", "RepositoryConnection"))
    query = f'{{ repository(owner: "meridian-labs", name: "{name}") {fields} }}'
    reply = session.post(f"{base}/github/graphql", json={"query": query},
                         headers={"Authorization": "Bearer sandbox-token"}, timeout=60).json()  # fmt: skip
    assert "errors" not in reply, reply["errors"][:3]
    # The reference implementation reads the answer with the same query. It reports every wrong type and null.
    result = execute(ours, parse(query), root_value=reply["data"])
    assert isinstance(result, ExecutionResult)
    assert not result.errors, result.errors[:3]
