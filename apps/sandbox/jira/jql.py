"""What does a JQL query ask for? It understands only what extractors send, and refuses the rest as Jira does."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apps.sandbox.clock import USER_ZONE, now
from apps.sandbox.data.issues import SampleIssue

MAX_ORDER_FIELDS = 7
UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
Test = Callable[[SampleIssue], bool]
SortKey = Callable[[SampleIssue], int | str]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<operator>>=|<=|!=|=|>|<|\(|\)|,)"""
    r"""|(?P<word>[^\s"'(),=<>!]+))"""
)
_RELATIVE = re.compile(r"([+-]?)(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMATS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_ORDERS: dict[str, SortKey] = {
    "id": lambda i: i.id,
    "key": lambda i: f"{i.project.key}{i.number:09}",
    "issuekey": lambda i: f"{i.project.key}{i.number:09}",
    "updated": lambda i: i.updated,
    "created": lambda i: i.created,
    "project": lambda i: i.project.name,
    "summary": lambda i: i.summary,
}
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
}


class JqlError(ValueError):
    """The query is refused; the message is Jira's."""


@dataclass(frozen=True)
class JqlQuery:
    """Tests that an issue must pass, and the order of the answer (field test, descending)."""

    tests: tuple[Test, ...]
    order: tuple[tuple[SortKey, bool], ...]

    def select(self, issues: list[SampleIssue]) -> list[SampleIssue]:
        """The matching issues in their order; without ORDER BY the newest first, as Jira does."""
        for test in self.tests:
            issues = [i for i in issues if test(i)]
        issues = sorted(issues, key=lambda i: i.id, reverse=not self.order)
        for key, descending in reversed(self.order):
            issues.sort(key=key, reverse=descending)
        return issues


@dataclass
class _JqlTokens:
    """The query as (kind, text) pairs, with the current position."""

    items: list[tuple[str, str]]
    place: int = 0

    @classmethod
    def of(cls, text: str) -> "_JqlTokens":
        items, place = [], 0
        text = text.strip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found or found.lastgroup is None:
                raise JqlError(
                    f"Error in the JQL Query: The character '{text[place]}' is a reserved JQL character. "
                    f"You must enclose it in a string or use the escape '\\u{ord(text[place]):04x}' instead. "
                    f"(line 1, character {place + 1})"
                )
            value = found[found.lastgroup]
            items.append((found.lastgroup, value[1:-1] if found.lastgroup == "string" else value))
            place = found.end()
        return cls(items)

    def peek(self) -> str:
        """The next word or operator in lower case, "" at the end. A string never equals a keyword."""
        if self.place >= len(self.items):
            return ""
        kind, value = self.items[self.place]
        return '"' if kind == "string" else value.lower()

    def take(self, expected: str = "") -> str:
        """The next token as written; refuses the end of the query and, with `expected`, another token."""
        if self.place >= len(self.items):
            raise JqlError("Error in the JQL Query: Expecting a value, list or function but got end of query.")
        if expected and self.peek() != expected:
            got = self.items[self.place][1]
            raise JqlError(f"Error in the JQL Query: Expecting '{expected}' but got '{got}'. (line 1)")
        self.place += 1
        return self.items[self.place - 1][1]


class JqlParser:
    """Parses queries; it knows the projects and issues that a caller may see."""

    def __init__(self, project_of: Callable[[str], str | None], issue_of: Callable[[str], SampleIssue | None]) -> None:
        self._project_of = project_of
        self._issue_of = issue_of

    def parse(self, text: str) -> JqlQuery:
        """The query; JqlError with Jira's sentence when it cannot be answered."""
        tokens = _JqlTokens.of(text or "")
        tests: list[Test] = []
        if tokens.peek() not in ("", "order"):
            tests = self._conjunction(tokens)
        order = self._order(tokens) if tokens.peek() == "order" else ()
        if tokens.peek():
            got = tokens.take()
            raise JqlError(f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{got}'. (line 1)")
        if not tests:
            raise JqlError(UNBOUNDED)
        return JqlQuery(tuple(tests), order)

    def _conjunction(self, tokens: _JqlTokens) -> list[Test]:
        tests = self._term(tokens)
        while tokens.peek() == "and":
            tokens.take()
            tests += self._term(tokens)
        return tests

    def _term(self, tokens: _JqlTokens) -> list[Test]:
        if tokens.peek() == "(":
            tokens.take()
            tests = self._conjunction(tokens)
            tokens.take(")")
            return tests
        field = tokens.take().lower()
        if field == "project":
            return [self._project(self._values(tokens))]
        if field in ("id", "key", "issuekey", "issue"):
            return [self._identity(tokens)]
        if field in ("updated", "created", "updateddate", "createddate"):
            return [self._time("updated" if field.startswith("updated") else "created", tokens)]
        raise JqlError(f"Field '{field}' does not exist or you do not have permission to view it.")

    def _values(self, tokens: _JqlTokens) -> list[str]:
        """The values after `=` or `in (...)`."""
        if tokens.peek() == "=":
            tokens.take()
            return [tokens.take()]
        tokens.take("in")
        tokens.take("(")
        values = [tokens.take()]
        while tokens.peek() == ",":
            tokens.take()
            values.append(tokens.take())
        tokens.take(")")
        return values

    def _project(self, values: list[str]) -> Test:
        keys = set()
        for value in values:
            key = self._project_of(value)
            if key is None:
                raise JqlError(f"The value '{value}' does not exist for the field 'project'.")
            keys.add(key)
        return lambda issue: issue.project.key in keys

    def _identity(self, tokens: _JqlTokens) -> Test:
        if tokens.peek() in (">=", "<=", ">", "<"):
            compare = _COMPARE[tokens.take()]
            value = tokens.take()
            bound = int(value) if value.isdigit() else self._known(value).id
            return lambda issue: compare(issue.id, bound)
        ids = {self._known(value).id for value in self._values(tokens)}
        return lambda issue: issue.id in ids

    def _known(self, value: str) -> SampleIssue:
        issue = self._issue_of(value)
        if issue is None:
            raise JqlError(f"An issue with key '{value}' does not exist for field 'id'.")
        return issue

    def _time(self, field: str, tokens: _JqlTokens) -> Test:
        operator = tokens.take()
        if operator not in _COMPARE:
            raise JqlError(f"The operator '{operator}' is not supported by the '{field}' field.")
        bound = _moment(tokens.take(), field)
        compare = _COMPARE[operator]
        if field == "updated":
            return lambda issue: compare(issue.updated, bound)
        return lambda issue: compare(issue.created, bound)

    def _order(self, tokens: _JqlTokens) -> tuple[tuple[SortKey, bool], ...]:
        tokens.take("order")
        tokens.take("by")
        order = []
        while True:
            field = tokens.take()
            if field.lower() not in _ORDERS:
                raise JqlError(f"Not able to sort using field '{field}'.")
            descending = tokens.peek() == "desc"
            if tokens.peek() in ("asc", "desc"):
                tokens.take()
            order.append((_ORDERS[field.lower()], descending))
            if tokens.peek() != ",":
                break
            tokens.take()
        if len(order) > MAX_ORDER_FIELDS:
            raise JqlError(f"The maximum number of fields allowed in ORDER BY is {MAX_ORDER_FIELDS}.")
        return tuple(order)


def _moment(value: str, field: str) -> int:
    """Epoch milliseconds of a literal; dates are in the zone of the user, not of the site."""
    if value.isdigit():
        return int(value)
    relative = _RELATIVE.fullmatch(value)
    if relative:
        sign, amount, unit = relative.groups()
        delta = timedelta(**{_UNITS[unit]: int(amount)}) // timedelta(milliseconds=1)
        return now() + (-delta if sign == "-" else delta)
    for form in _FORMATS:
        try:
            moment = datetime.strptime(value, form).replace(tzinfo=ZoneInfo(USER_ZONE))
        except ValueError:
            continue
        return int(moment.timestamp() * 1000)
    raise JqlError(
        f"Date value '{value}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )
