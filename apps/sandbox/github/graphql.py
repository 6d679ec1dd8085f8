"""How does GitHub's GraphQL endpoint read, check and answer a query, and how many points does it take?"""

from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from starlette.responses import Response

from apps.sandbox.clock import github_stamp
from apps.sandbox.data.pulls import SampleRepository
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json
from apps.sandbox.github.executor import Compiler, Execution, Executor, Fields, QueryError, SelectionPlan, measure
from apps.sandbox.github.fields import commit_fields, repository_fields, type_of
from apps.sandbox.github.limits import Budget
from apps.sandbox.github.pull_fields import PULL_FIELDS
from apps.sandbox.github.queries import Queries
from apps.sandbox.http import ApiCall, ApiError, json_reply

MAX_NODES = 500_000
_KEPT_QUERIES = 256
_PARTS = ("objects", "connections", "values")
_FOLDER = Path(__file__).with_name("schema")


class Prepared(NamedTuple):
    """A parsed and checked query: its operations with their plans, or its errors."""

    operations: dict[str | None, tuple[OperationDefinitionNode, SelectionPlan]]
    errors: list[Json]


def schema_text() -> str:
    """The SDL of the served part of the schema."""
    return "\n".join((_FOLDER / f"{part}.graphql").read_text() for part in _PARTS)


class GraphQL:
    """The endpoint; each token has its own points."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.schema = build_schema(schema_text())
        queries = Queries(world)
        self.fields: Fields = {**queries.fields(), **repository_fields(world.hub), **commit_fields(), **PULL_FIELDS}
        self.executor = Executor(type_of)
        self.cache: dict[Any, dict[Any, msgspec.Raw]] = {}
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()

    def forget(self, repository: SampleRepository) -> None:
        """Delete the stored JSON of a changed repository."""
        self.cache.pop(repository.id, None)

    def answer(self, call: ApiCall) -> Response:
        """Answer one request; errors of the query have status 200, as on GitHub."""
        body = call.body
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            raise ApiError(
                400,
                {
                    "message": "A query attribute must be specified and must be a string.",
                    "documentation_url": "https://docs.github.com/graphql",
                },
            )
        prepared = self._prepare(body["query"])
        if prepared.errors:
            return json_reply({"errors": prepared.errors})
        name = body.get("operationName")
        if name is None and len(prepared.operations) == 1:
            name = next(iter(prepared.operations))
        if name not in prepared.operations:
            return json_reply({"errors": [{"message": f"No operation named `{name}`"}]})
        operation, plan = prepared.operations[name]
        given = get_variable_values(self.schema, operation.variable_definitions or (), body.get("variables") or {})
        if isinstance(given, list):
            return json_reply({"errors": [_entry(e) for e in given]})
        points = call.account.points
        try:
            return json_reply(self._run(plan, given, points, has_scopes=call.has_scopes), headers=points.headers())
        except QueryError as error:
            return json_reply({"data": None, "errors": [error.entry]}, headers=points.headers())

    def _prepare(self, query: str) -> Prepared:
        found = self._prepared.get(query)
        if found is None:
            found = self._prepared[query] = self._parse(query)
            if len(self._prepared) > _KEPT_QUERIES:
                self._prepared.popitem(last=False)
        return found

    def _parse(self, query: str) -> Prepared:
        try:
            document: DocumentNode = parse(query)
        except GraphQLSyntaxError as error:
            return Prepared({}, [_entry(error)])
        errors = validate(self.schema, document)
        if errors:
            return Prepared({}, [_entry(e) for e in errors])
        fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        compiler = Compiler(self.schema, self.fields, fragments)
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        return Prepared({o.name.value if o.name else None: (o, compiler.plan(self.schema.query_type, [o.selection_set]))
                         for o in operations}, [])  # fmt: skip

    def _run(self, plan: SelectionPlan, variables: Json, points: Budget, *, has_scopes: bool) -> Json:
        nodes, requests = measure(plan, variables, [])
        if nodes > MAX_NODES:
            raise QueryError("MAX_NODE_LIMIT_EXCEEDED", f"This query requests up to {nodes:,} possible nodes which "
                             f"exceeds the maximum limit of {MAX_NODES:,}.", [], is_fatal=True)  # fmt: skip
        cost = max(1, round(requests / 100))
        if not points.spend(cost):
            raise QueryError("RATE_LIMITED", "API rate limit exceeded for user ID 1200000.", [], is_fatal=True)
        state = {"cost": cost, "nodeCount": nodes, "limit": points.limit, "remaining": points.remaining,
                 "used": points.used, "resetAt": github_stamp(points.reset * 1000)}  # fmt: skip
        run = Execution(variables, self.cache if has_scopes else {})
        data = self.executor.object(plan, state, run, [])
        if not has_scopes:
            data = {key: value if key in ("viewer", "rateLimit") else None for key, value in data.items()}
            run.errors = [{"type": "FORBIDDEN", "path": [key], "locations": [{"line": 1, "column": 1}],
                           "message": "Resource not accessible by personal access token"}
                          for key, value in data.items() if value is None]  # fmt: skip
        return {"data": data, "errors": run.errors} if run.errors else {"data": data}


def _entry(error: GraphQLError) -> Json:
    entry: Json = {"message": error.message}
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return entry
