"""Which requests fail, how, and how often? A fault script decides: a JSON list of rules.

A rule is `{"match": "METHOD regex", "skip": n, "times": m, "action": {"type": …}}`. The regex is searched in path and
query; `*` means every method. The first `skip` matching requests pass, the next `times` fail (all without `times`). The
actions are the classes below; their `type` is the name in snake case.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from apps.sandbox.encoding import Json


class FaultScriptError(ValueError):
    """The script cannot be used; the message says which rule is wrong and why."""


class FaultAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """What happens to a request."""


class StatusAction(FaultAction, frozen=True, tag="status"):
    """Answer with a status. Without `body` the provider's usual body is sent; a string is sent as it is.

    `retry_after` seconds go into the header of that name, as an HTTP date when `retry_after_date` is true.
    With `secondary`, a 403 or 429 of GitHub is that of the secondary limit.
    """

    status: int
    headers: dict[str, str] = {}
    body: Any = None
    retry_after: int | None = None
    retry_after_date: bool = False
    secondary: bool = False


class Reset(FaultAction, frozen=True, tag="reset"):
    """Reset the connection in the middle of the answer."""


class Truncate(FaultAction, frozen=True, tag="truncate"):
    """Send a complete HTTP answer with only the first half of its JSON."""


class Delay(FaultAction, frozen=True, tag="delay"):
    """Answer after `ms` milliseconds."""

    ms: float


class RepeatToken(FaultAction, frozen=True, tag="repeat_token"):
    """Name this page as the next page."""


class EmptyPage(FaultAction, frozen=True, tag="empty_page"):
    """Answer without records, but with a next page."""


class GraphqlErrors(FaultAction, frozen=True, tag="graphql_errors"):
    """Answer 200 with `errors`; data is null, or partial data when `partial` is true."""

    message: str = "Something went wrong while executing your query. This may be the result of a timeout."
    partial: bool = False


class Inflate(FaultAction, frozen=True, tag="inflate"):
    """Make one record at least `bytes` long: the named one (id, key or number), else the first."""

    bytes: int
    record: str | None = None


class Corrupt(FaultAction, frozen=True, tag="corrupt"):
    """Give one record values of wrong types: the named one (id, key or number), else the first."""

    record: str | None = None


AnyAction = StatusAction | Reset | Truncate | Delay | RepeatToken | EmptyPage | GraphqlErrors | Inflate | Corrupt


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """One line of the script, with the number of requests that matched so far."""

    match: str
    action: AnyAction
    skip: int = 0
    times: int | None = None


class FaultScript:
    """A script in use. The first matching rule that is due decides."""

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        self._seen = [0] * len(rules)
        self._tests = [_test(number, rule) for number, rule in enumerate(rules)]

    @classmethod
    def from_json(cls, text: bytes) -> "FaultScript":
        """The script in a text; raises FaultScriptError if it is wrong."""
        try:
            return cls(msgspec.json.decode(text, type=list[Rule]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FaultScriptError(f"The fault script is not a list of rules: {error}.") from error

    @classmethod
    def from_file(cls, path: Path) -> "FaultScript":
        """The script in a file; raises FaultScriptError if it cannot be read or is wrong."""
        try:
            return cls.from_json(path.read_bytes())
        except OSError as error:
            raise FaultScriptError(f"The fault script {path} cannot be read: {error.strerror}.") from error

    def take(self, method: str, target: str) -> AnyAction | None:
        """Count a request and return its action, if one is due."""
        for number, (rule, (wanted, pattern)) in enumerate(zip(self.rules, self._tests, strict=True)):
            if wanted not in ("*", method) or not pattern.search(target):
                continue
            self._seen[number] += 1
            used = self._seen[number] - rule.skip
            if used > 0 and (rule.times is None or used <= rule.times):
                return rule.action
        return None

    def state(self) -> list[Json]:
        """How many requests each rule has matched."""
        return [{"match": r.match, "seen": seen} for r, seen in zip(self.rules, self._seen, strict=True)]


def _test(number: int, rule: Rule) -> tuple[str, re.Pattern[str]]:
    method, blank, pattern = rule.match.partition(" ")
    if not blank or method not in ("*", "GET", "POST"):
        raise FaultScriptError(f"Rule {number}: match must be 'METHOD regex' with GET, POST or *, not '{rule.match}'.")
    if rule.skip < 0 or (rule.times is not None and rule.times < 1):
        raise FaultScriptError(f"Rule {number}: skip must be 0 or more and times 1 or more.")
    try:
        return method, re.compile(pattern)
    except re.error as error:
        raise FaultScriptError(f"Rule {number}: '{pattern}' is no regular expression: {error}.") from error
