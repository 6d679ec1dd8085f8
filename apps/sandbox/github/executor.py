"""How is a validated GraphQL query answered quickly?

A query is compiled once into plans: for each concrete type a row of fields with their getters. An answer only walks the
plans. Complete pull requests are stored as encoded JSON per plan and variables, until their repository changes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    Undefined,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    value_from_ast,
)
from graphql.language import Node, Visitor, visit

from apps.sandbox.data.pulls import SamplePull
from apps.sandbox.encoding import Json, encode, opaque, unopaque

Getter = Callable[[Any, Json], Any]
Fields = dict[str, dict[str, Getter]]
_CURSOR = "cursor:v2:"


class QueryError(Exception):
    """One entry of the answer's `errors`; `is_fatal` refuses the whole query."""

    def __init__(self, kind: str, message: str, path: list[Any], *, is_fatal: bool = False) -> None:
        super().__init__(message)
        self.is_fatal = is_fatal
        self.entry: Json = {"type": kind, "path": path, "locations": [{"line": 1, "column": 1}], "message": message}


@dataclass(slots=True)
class FieldPlan:
    """One field of a selection."""

    key: str
    name: str
    get: Getter
    arguments: Callable[[Json], Json]
    conditions: list[tuple[bool, Callable[[Json], Json]]]
    sub: "SelectionPlan | None" = None
    is_list: bool = False
    is_connection: bool = False
    is_nullable: bool = True


@dataclass(slots=True)
class SelectionPlan:
    """The selection on one declared type; `variables` are the names used anywhere inside."""

    number: int
    rows: dict[str, tuple[FieldPlan, ...]]
    single: tuple[FieldPlan, ...] | None
    variables: tuple[str, ...] = ()


@dataclass(slots=True)
class Execution:
    """The variables and the errors of one execution."""

    variables: Json
    cache: dict[Any, dict[Any, msgspec.Raw]]
    errors: list[Json] = field(default_factory=list)


class Compiler:
    """Turns selection sets into plans."""

    _numbers = iter(range(2**62))

    def __init__(self, schema: GraphQLSchema, fields: Fields, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.schema = schema
        self.fields = fields
        self.fragments = fragments

    def plan(self, declared: Any, sets: list[SelectionSetNode]) -> SelectionPlan:
        """The plan for a type and the selection sets that apply to it."""
        abstract = isinstance(declared, GraphQLInterfaceType | GraphQLUnionType)
        types = self.schema.get_possible_types(declared) if abstract else [declared]
        rows = {t.name: self._row(t, sets) for t in types}
        single = None if abstract else rows[declared.name]
        return SelectionPlan(next(self._numbers), rows, single, tuple(sorted(self._variables(sets))))

    def _row(self, concrete: GraphQLObjectType, sets: list[SelectionSetNode]) -> tuple[FieldPlan, ...]:
        collected: dict[str, list[tuple[FieldNode, list[Any]]]] = {}
        for selection_set in sets:
            self._collect(concrete, selection_set, [], collected)
        return tuple(self._field(concrete, key, nodes) for key, nodes in collected.items())

    def _collect(
        self, concrete: GraphQLObjectType, chosen: SelectionSetNode, above: list[Any],
        into: dict[str, list[tuple[FieldNode, list[Any]]]],
    ) -> None:  # fmt: skip
        for node in chosen.selections:
            conditions = above + [self._condition(d) for d in node.directives if d.name.value in ("include", "skip")]
            if isinstance(node, FieldNode):
                key = (node.alias or node.name).value
                into.setdefault(key, []).append((node, conditions))
                continue
            fragment = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
            on = fragment.type_condition
            if on is None or self._can_apply(on.name.value, concrete):
                self._collect(concrete, fragment.selection_set, conditions, into)

    def _can_apply(self, name: str, concrete: GraphQLObjectType) -> bool:
        wanted = self.schema.get_type(name)
        if isinstance(wanted, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(wanted, concrete)
        return name == concrete.name

    def _condition(self, directive: DirectiveNode) -> tuple[bool, Callable[[Json], Json]]:
        definition = self.schema.get_directive(directive.name.value)
        assert definition
        return directive.name.value == "include", _arguments(definition.args, directive.arguments)

    def _field(self, concrete: GraphQLObjectType, key: str, nodes: list[tuple[FieldNode, list[Any]]]) -> FieldPlan:
        first, conditions = nodes[0]
        name = first.name.value
        if name == "__typename":
            return FieldPlan(key, name, lambda record, given: concrete.name, lambda variables: {}, conditions)
        definition: GraphQLField = concrete.fields[name]
        kind = get_named_type(definition.type)
        sets = [n.selection_set for n, _ in nodes if n.selection_set]
        is_nullable = not is_non_null_type(definition.type)
        inner: Any = definition.type if is_nullable else definition.type.of_type  # type: ignore[union-attr]
        return FieldPlan(
            key, name, self._getter(concrete.name, name), _arguments(definition.args, first.arguments), conditions,
            self.plan(kind, sets) if sets else None, is_list_type(inner), kind.name.endswith("Connection"),
            is_nullable,
        )  # fmt: skip

    def _getter(self, concrete: str, name: str) -> Getter:
        row = self.fields.get(concrete)
        return row[name] if row is not None else lambda record, given: None

    def _variables(self, sets: list[SelectionSetNode]) -> set[str]:
        names: set[str] = set()

        class Finder(Visitor):
            def enter_variable(finder, node: VariableNode, *_: Any) -> None:  # noqa: N805
                names.add(node.name.value)

            def enter_fragment_spread(finder, node: FragmentSpreadNode, *_: Any) -> None:  # noqa: N805
                names.update(self._variables([self.fragments[node.name.value].selection_set]))

        for selection_set in sets:
            visit(selection_set, Finder())
        return names


def _arguments(definitions: Any, given: Iterable[Any]) -> Callable[[Json], Json]:
    """A function from variables to argument values; constant where there are no variables."""
    nodes = {a.name.value: a.value for a in given}

    def values(variables: Json) -> Json:
        made = {}
        for name, definition in definitions.items():
            value = value_from_ast(nodes[name], definition.type, variables) if name in nodes else Undefined
            if value is Undefined:
                value = definition.default_value
            if value is not Undefined:
                made[name] = value
        return made

    if not any(_has_variable(n) for n in nodes.values()):
        constant = values({})
        return lambda variables: constant
    return values


def _has_variable(node: Node) -> bool:
    if isinstance(node, VariableNode):
        return True
    values = getattr(node, "values", None) or [f.value for f in getattr(node, "fields", ())]
    return any(_has_variable(v) for v in values)


def measure(plan: SelectionPlan, variables: Json, path: list[Any], times: int = 1) -> tuple[int, int]:
    """How many nodes a query may return, and how many requests it counts as; QueryError for a bad page size."""
    nodes = requests = 0
    for row in [plan.single] if plan.single is not None else plan.rows.values():
        row_nodes = row_requests = 0
        for planned in row:
            if planned.sub is None:
                continue
            here = [*path, planned.key]
            inside = times
            if planned.is_connection:
                inside = times * _page_size(planned.name, planned.arguments(variables), here)
                row_nodes += inside
                row_requests += times
            below = measure(planned.sub, variables, here, inside)
            row_nodes += below[0]
            row_requests += below[1]
        nodes, requests = max(nodes, row_nodes), max(requests, row_requests)
    return nodes, requests


def _page_size(name: str, given: Json, path: list[Any]) -> int:
    which = "first" if given.get("first") is not None else "last"
    size = given.get(which)
    if size is None:
        raise QueryError("MISSING_PAGINATION_BOUNDARIES", f"You must provide a `first` or `last` value to properly "
                         f"paginate the `{name}` connection.", path, is_fatal=True)  # fmt: skip
    if size < 0 or size > 100:
        limit = f"exceeds the `{which}` limit of 100 records" if size > 100 else "is below the limit of 0"
        raise QueryError("EXCESSIVE_PAGINATION", f"Requesting {size} records on the `{name}` connection {limit}.", path,
                         is_fatal=True)  # fmt: skip
    return int(size)


class Executor:
    """Walks a plan over records; `type_of` names the concrete type of a record."""

    def __init__(self, type_of: Callable[[Any], str]) -> None:
        self.type_of = type_of

    def object(self, plan: SelectionPlan, record: Any, run: Execution, path: list[Any]) -> Json:
        """One record."""
        row = plan.single
        if row is None:
            row = plan.rows[self.type_of(record)]
        made: Json = {}
        for planned in row:
            if planned.conditions and not _is_included(planned, run.variables):
                continue
            if planned.sub is None:
                made[planned.key] = planned.get(record, planned.arguments(run.variables))
            else:
                made[planned.key] = self._below(planned, record, run, [*path, planned.key])
        return made

    def _below(self, planned: FieldPlan, record: Any, run: Execution, path: list[Any]) -> Any:
        given = planned.arguments(run.variables)
        assert planned.sub
        try:
            value = planned.get(record, given)
            if value is None:
                return None
            if planned.is_connection:
                return self._connection(planned.sub, value, given, run, path)
        except QueryError as error:
            if error.is_fatal:
                raise
            run.errors.append(error.entry | {"path": path})
            return None
        if planned.is_list:
            return [self._item(planned.sub, item, run, [*path, place]) for place, item in enumerate(value)]
        return self._kept(planned.sub, value, run, path)

    def _item(self, plan: SelectionPlan, item: Any, run: Execution, path: list[Any]) -> Any:
        """One item of a plain list; null when it has an error."""
        if isinstance(item, QueryError):
            run.errors.append(item.entry | {"path": path})
            return None
        return None if item is None else self._kept(plan, item, run, path)

    def _kept(self, plan: SelectionPlan, record: Any, run: Execution, path: list[Any]) -> Any:
        """A record. Pull requests come from the cache."""
        if type(record) is not SamplePull:
            return self.object(plan, record, run, path)
        kept = run.cache.setdefault(record.repository.id, {})
        name = (plan.number, record.id, *(repr(run.variables.get(v)) for v in plan.variables))
        found = kept.get(name)
        if found is None:
            before = len(run.errors)
            made = self.object(plan, record, run, path)
            if len(run.errors) > before:
                return made
            found = kept[name] = msgspec.Raw(encode(made))
        return found

    def _connection(self, plan: SelectionPlan, items: list[Any], given: Json, run: Execution, path: list[Any]) -> Json:
        start, end = _window(items, given)
        shown = items[start:end]
        made: Json = {}
        for planned in plan.single or ():
            if planned.name == "totalCount":
                made[planned.key] = len(items)
            elif planned.name == "pageInfo":
                made[planned.key] = _page_info(planned, start, end, len(items))
            elif planned.name == "nodes" and planned.sub:
                made[planned.key] = [self._kept(planned.sub, item, run, path) for item in shown]
            elif planned.name == "edges" and planned.sub:
                made[planned.key] = [
                    self._edge(planned.sub, item, start + n, run, path) for n, item in enumerate(shown)
                ]
            else:
                made[planned.key] = planned.get(None, {})
        return made

    def _edge(self, plan: SelectionPlan, item: Any, place: int, run: Execution, path: list[Any]) -> Json:
        made: Json = {}
        for planned in plan.single or ():
            if planned.sub is None:
                made[planned.key] = cursor(place) if planned.name == "cursor" else planned.get(None, {})
            else:
                made[planned.key] = self._kept(planned.sub, item, run, path)
        return made


def _is_included(planned: FieldPlan, variables: Json) -> bool:
    return all(bool(values(variables).get("if")) == wanted for wanted, values in planned.conditions)


def _page_info(planned: FieldPlan, start: int, end: int, total: int) -> Json:
    values = {"hasNextPage": end < total, "hasPreviousPage": start > 0,
              "startCursor": cursor(start) if end > start else None,
              "endCursor": cursor(end - 1) if end > start else None}  # fmt: skip
    row = planned.sub.single if planned.sub else None
    return {p.key: values[p.name] if p.name in values else p.get(None, {}) for p in row or ()}


def cursor(place: int) -> str:
    """The cursor of the item at a place."""
    return opaque(f"{_CURSOR}{place}")


def _place(value: str) -> int:
    try:
        text = unopaque(value)
        if not text.startswith(_CURSOR):
            raise ValueError(text)
        return int(text.removeprefix(_CURSOR))
    except ValueError:
        message = f"`{value}` does not appear to be a valid cursor."
        raise QueryError("INVALID_CURSOR_ARGUMENTS", message, []) from None


def _window(items: list[Any], given: Json) -> tuple[int, int]:
    """The part of the list that first, last, after and before ask for."""
    start = _place(given["after"]) + 1 if given.get("after") else 0
    end = min(len(items), _place(given["before"])) if given.get("before") else len(items)
    start = min(start, end)
    if given.get("first") is not None:
        end = min(end, start + given["first"])
    elif given.get("last") is not None:
        start = max(start, end - given["last"])
    return start, end
