"""How does a cursor expire? Each cursor that the provider gives is marked; marked ones are refused with its own words.

After the first refusal new cursors are given. They work, if the hole is not there for ever: a list begun anew succeeds.
"""

import re
from dataclasses import replace
from typing import Any

from tools.holes.aim import Aim, Ask
from tools.holes.catalogue import RequestKind
from tools.holes.exchange import Answer, Asked
from tools.holes.holes import Hole, graphql_refusal, has_further_pages
from tools.holes.scenarios import Scenario

OLD, NEW = "old.", "new."
_IN_BODY = re.compile(rb'("(?:nextPageToken|endCursor)":\s*")((?:old\.|new\.)?)')
_IN_LINK = re.compile(r'<([^>]*?)>; rel="next"')


class ExpiredCursor(Hole):
    """Cursors, tokens and addresses of further pages are refused."""

    def __init__(self, name: str, what: str, *, is_for_ever: bool) -> None:
        self.name, self.what, self.is_for_ever = name, what, is_for_ever
        self.is_passing = not is_for_ever

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """The list must go on with a cursor."""
        if not has_further_pages(kind):
            return "it has no further pages"
        return "" if kind.end else "its pages are counted by offset: no cursor can expire"

    def disturb(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """Mark the cursors of every answer; refuse the marked ones of the kind that is hit."""
        plain, mark = without_mark(asked)
        with aim.lock:
            is_refused = aim.hits(plain) and (self.is_for_ever or mark == OLD)
            aim.times += is_refused
            has_expired = aim.times > 0
        return refused(plain) if is_refused else marked(ask(plain), NEW if has_expired else OLD)

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """See :meth:`disturb`."""
        return refused(asked)


def without_mark(asked: Asked) -> tuple[Asked, str]:
    """The request as the provider expects it, and the mark of its cursor ("" without one)."""
    found = ""
    query = asked.query
    for mark in (OLD, NEW):
        if f"&cursor={mark}" in query:
            query, found = query.replace(f"&cursor={mark}", ""), mark
    body = dict(asked.fields)
    if token := body.get("nextPageToken"):
        body["nextPageToken"], found = _plain(token)
    if asked.operation:
        variables = dict(asked.variables)
        for name, value in variables.items():
            if name.startswith("after") and value:
                variables[name], found = _plain(value)
        body["variables"] = variables
    return replace(asked, query=query, body=body or asked.body), found


def _plain(cursor: Any) -> tuple[Any, str]:
    for mark in (OLD, NEW):
        if str(cursor).startswith(mark):
            return str(cursor).removeprefix(mark), mark
    return cursor, ""


def marked(answer: Answer, mark: str) -> Answer:
    """The answer with a mark at each cursor."""
    body = _IN_BODY.sub(lambda found: found[1] + mark.encode(), answer.body)
    link = _IN_LINK.sub(lambda found: f'<{found[1]}&cursor={mark}>; rel="next"', answer.headers.get("link", ""))
    return replace(answer, body=body).with_headers(link=link)


def refused(asked: Asked) -> Answer:
    """What the provider says about an expired cursor."""
    if asked.operation:
        return graphql_refusal("INVALID_CURSOR_ARGUMENTS", "`old` does not appear to be a valid cursor.")
    if asked.provider == "jira":
        return Answer.of(400, {"errorMessages": ["The provided next page token is invalid or expired."], "errors": {}})
    message = "The cursor of this page has expired. Begin the list anew."
    return Answer.of(422, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": "422"})


def cursors() -> tuple[Hole, ...]:
    """Both forms."""
    return (
        ExpiredCursor("cursor expired once", "each cursor is refused once; a list begun anew works", is_for_ever=False),
        ExpiredCursor("cursor expired for ever", "every cursor is refused", is_for_ever=True),
    )
