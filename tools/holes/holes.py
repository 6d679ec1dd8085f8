"""What is a hole? A way to refuse an answer or to take something out of it, and the reasons why it does not apply."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from tools.holes.aim import Aim, Ask, is_last_page, is_of_target
from tools.holes.catalogue import NOTHING, STORED, TOTAL, RequestKind
from tools.holes.exchange import Answer, Asked
from tools.holes.paths import places, values
from tools.holes.scenarios import Scenario

NO_LIST = "its answer is no list"
NO_SIGN = "a shorter list is an ordinary answer: nothing shows what is missing"
EMPTY_IS_ORDINARY = "an empty list is an ordinary answer while nothing is stored"
Recorded = Sequence[tuple[Asked, Answer]]


class Hole(ABC):
    """One kind of hole. ``what`` says what the provider does."""

    name: str
    what: str
    # Whether it concerns everything that the account does, and not only what it hits.
    is_for_all = False
    # Whether the same run gets everything all the same.
    is_passing = False

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Why it does not apply to a kind of request; "" if it does."""
        return ""

    def variants(self, kind: RequestKind) -> tuple[str, ...]:
        """The forms in which it is tried."""
        return ("",)

    def target(self, kind: RequestKind, recorded: Recorded, variant: str) -> str | None:
        """The object that it hits: the one with the largest undisturbed answer; "" for all, ``None`` for nothing."""
        if not kind.column or kind.is_bulk:
            return ""
        return largest_object(kind, recorded)

    def disturb(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The answer that the product gets."""
        if not aim.hits(asked):
            return ask(asked)
        return self.answer(aim, asked, ask)

    @abstractmethod
    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The answer to a request that is hit."""


def largest_object(kind: RequestKind, recorded: Recorded) -> str | None:
    """The object with the most text in the answers; a 404 is an answer where it proves that an object was deleted."""
    if kind.about is None:
        return None
    sizes: dict[str, int] = {}
    for asked, answer in recorded:
        if asked.kind == kind.name and (answer.status == 200 or kind.is_proof):
            for name in kind.about(asked):
                sizes[name] = sizes.get(name, 0) + len(answer.body)
    return max(sorted(sizes), key=lambda name: sizes[name]) if sizes else None


# --- the whole answer is refused --------------------------------------------------------------------------------------


class Refusal(Hole):
    """An answer with an error status. ``words`` has the body for each provider that answers so."""

    def __init__(
        self, name: str, what: str, status: int, words: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self.name, self.what, self.status, self.words, self.headers = name, what, status, words, headers or {}
        self.is_for_all = name in ("401", "429 for ever")

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Some answers come from one provider only, and some are the ordinary answer to a question."""
        if kind.provider not in self.words:
            return f"{kind.provider.title()} never answers so"
        if kind.is_proof and self.status in (404, 410):
            return "this is its ordinary answer: it proves that an object was deleted"
        return ""

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The refusal."""
        aim.count()
        answer = Answer.of(self.status, self.words[asked.provider])
        return answer.with_headers(**self.headers)


class ObjectFails(Hole):
    """500 for whatever names one object."""

    name, what = "500 for one object", "500 whenever a request names one certain object"

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """A request must name an object."""
        return "" if kind.about else "its requests name no object"

    def target(self, kind: RequestKind, recorded: Recorded, variant: str) -> str | None:
        """Also one of the objects of a bulk request."""
        return largest_object(kind, recorded)

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The failure."""
        aim.count()
        return Answer.of(500, {"message": "Server Error", "errorMessages": ["Internal server error"]})


class WebPage(Hole):
    """A web page instead of JSON."""

    def __init__(self, name: str, what: str, status: int, title: str) -> None:
        self.name, self.what, self.status, self.title = name, what, status, title

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The page."""
        aim.count()
        return Answer.page(self.status, self.title)


class LastPageRefused(Hole):
    """The last page of a list is refused."""

    name, what = "page refused at its end", "the last page of a list is refused, as GitHub does after 1,000 items"

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Only for the pages after the first one."""
        return "" if has_further_pages(kind) else "it has no further pages"

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The refusal, if this is the last page."""
        answer = ask(asked)
        if answer.status != 200 or not is_last_page(aim.kind, answer):
            return answer
        aim.count()
        if asked.operation:
            message = "Requested page is beyond the pages that this list gives."
            return graphql_refusal("EXCESSIVE_PAGINATION", message)
        if asked.provider == "jira":
            return Answer.of(400, {"errorMessages": ["The requested page is not available."], "errors": {}})
        return Answer.of(422, {"message": "Only the first 1000 search results are available", "status": "422"})


# --- the answer has a hole --------------------------------------------------------------------------------------------


class EmptyBody(Hole):
    """200 with an empty object or list instead of the answer."""

    def __init__(self, name: str, value: Any) -> None:
        self.name, self.what, self.value = name, f"200 with the body {name.removeprefix('empty ')}", value

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """An empty list is an empty list."""
        if self.value == [] and kind.listing and kind.listing.items == "":
            return "this is an empty list"
        return ""

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The empty body."""
        aim.count()
        return Answer.of(200, self.value)


class ShorterList(Hole):
    """A list without some or all of its items; everything beside it stays as it was."""

    def __init__(self, name: str, what: str, *, kept_share: float) -> None:
        self.name, self.what, self.kept_share = name, what, kept_share

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Something must show that items are missing."""
        if kind.listing is None:
            return NO_LIST
        if kind.shows == NOTHING:
            return NO_SIGN
        if kind.shows == STORED and not scenario.is_loaded:
            return EMPTY_IS_ORDINARY if not self.kept_share else NO_SIGN
        return ""

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The shorter list. An empty one says that nothing follows."""
        answer = ask(asked)
        listing = aim.kind.listing
        if answer.status != 200 or listing is None:
            return answer
        document = answer.json()
        for items in values(document, listing.items):
            if isinstance(items, list) and items:
                aim.count()
                del items[int(len(items) * self.kept_share) :]
        if not self.kept_share:
            answer = answer.with_headers(link="")
            for path, end in listing.ends:
                for container, key, _ in places(document, path):
                    container[key] = end
        return answer.with_json(document)


class MissingElement(Hole):
    """A bulk answer without one of the objects that were asked for, and without a word about it."""

    name, what = "one element missing", "a bulk answer leaves one object out (in GraphQL: null, without an error)"

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Only where several objects are asked for, and where one that has nothing is no ordinary answer."""
        if not kind.is_bulk or kind.listing is None:
            return "it does not ask for several objects"
        return "" if kind.shows == TOTAL or (kind.shows == STORED and scenario.is_loaded) else NO_SIGN

    def target(self, kind: RequestKind, recorded: Recorded, variant: str) -> str | None:
        """One of the objects."""
        return largest_object(kind, recorded)

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The answer without the target."""
        answer = ask(asked)
        if answer.status != 200:
            return answer
        document = answer.json()
        if asked.operation:
            for path in _bulk_paths(aim.kind):
                for container, key, _ in aim.places(asked, document, path):
                    aim.count()
                    container[key] = None
        else:
            assert aim.kind.listing
            for items in values(document, aim.kind.listing.items):
                kept = [item for item in items if aim.target not in (str(item.get("id")), str(item.get("issueId")))]
                aim.times += len(kept) < len(items)
                items[:] = kept
        return answer.with_json(document)


class NulledField(Hole):
    """200 with a field that is null, and an error beside the data that says why."""

    name, what = "nulled field", "200 with one field null, and the error FORBIDDEN with its path beside the data"

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Only GraphQL answers so."""
        return "" if kind.nullable else "only GraphQL answers with errors beside data"

    def variants(self, kind: RequestKind) -> tuple[str, ...]:
        """Each field that may be refused."""
        return kind.nullable

    def target(self, kind: RequestKind, recorded: Recorded, variant: str) -> str | None:
        """An object that has something in this field."""
        for asked, answer in recorded:
            if asked.kind != kind.name or answer.status != 200:
                continue
            if not kind.is_bulk:
                return largest_object(kind, recorded)
            for container, key, way in places(answer.json(), variant):
                if _has_something(container[key]):
                    return next((one for one in Aim(kind).objects(asked) if is_of_target(asked, one, way)), None)
        return None

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The answer with null in the target's field."""
        answer = ask(asked)
        if answer.status != 200:
            return answer
        document = answer.json()
        for container, key, way in aim.places(asked, document, aim.variant):
            aim.count()
            container[key] = None
            message = "Resource not accessible by personal access token"
            document.setdefault("errors", []).append({"type": "FORBIDDEN", "path": way, "message": message})
        return answer.with_json(document)


class FalseTotal(Hole):
    """A total that is not the number of items."""

    def __init__(self, name: str, what: str, *, is_high: bool) -> None:
        self.name, self.what, self.is_high = name, what, is_high

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """There must be a total."""
        return "" if kind.listing and kind.listing.total else "its answer has no total"

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The answer with another total."""
        answer = ask(asked)
        listing = aim.kind.listing
        if answer.status != 200 or listing is None:
            return answer
        document = answer.json()
        for container, key, _ in places(document, listing.total):
            if isinstance(container[key], int):
                aim.count()
                container[key] = container[key] + 3 if self.is_high else container[key] // 2
        return answer.with_json(document)


class PartialSso(Hole):
    """200 without the repositories of an organisation that asks for single sign-on; a header says so."""

    name, what = "partial SSO", "200 without one organisation; the header x-github-sso says partial-results"

    def reason(self, kind: RequestKind, scenario: Scenario) -> str:
        """Only GitHub's lists over organisations do this."""
        return "" if kind.name.startswith("GET /user/") else "only GitHub's lists over organisations do this"

    def answer(self, aim: Aim, asked: Asked, ask: Ask) -> Answer:
        """The list without its first item, with the header."""
        answer = ask(asked)
        items = answer.json()
        if answer.status != 200 or not items:
            return answer
        aim.count()
        return answer.with_json(items[1:]).with_headers(x_github_sso="partial-results; organizations=21955855,20582480")


def _bulk_paths(kind: RequestKind) -> list[str]:
    """Where a bulk answer has one item for each id."""
    return [path for path in kind.nullable if path.endswith("*")]


def has_further_pages(kind: RequestKind) -> bool:
    """Whether the kind is about the pages after the first one."""
    return kind.is_further or kind.name == "GraphQL Pages"


def _has_something(value: Any) -> bool:
    return bool(value.get("nodes", True)) if isinstance(value, dict) else bool(value)


def graphql_refusal(code: str, message: str) -> Answer:
    """An answer with an error and without data."""
    return Answer.of(200, {"data": None, "errors": [{"type": code, "message": message}]})
