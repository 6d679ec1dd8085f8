"""Do limits and booleans have the names that docs/words.md asks for? (ruff's N818 sees to errors.)"""

import ast
import re
from collections.abc import Iterator

from tests.unit.house.product import modules, nodes

LIMIT = re.compile(r"_?((MOST|LEAST|LONGEST|SHORTEST|LARGEST|SMALLEST)_|(SHOWN|NAMED|LISTED|PAGE)$)")
QUESTION = re.compile(r"(is|has|can|may|must|needs|should|was|with)(_|$)")
# A function that does something and says whether it worked is called after what it does.
VERBS = {
    *(
        "admit",
        "claim",
        "close",
        "complete",
        "delete",
        "end",
        "end_if_free",
        "ensure_begun",
        "fail",
        "forget",
        "lock",
        "mark",
    ),
    *("lock_for_stages", "remove_membership", "renew", "send", "spend", "stop", "store_if_unchanged", "take_free"),
    *("unsubscribe", "write_commits"),
}
# Fields of our API and of the messages, columns, and what providers call it in their JSON.
FIELDS = {
    *("all_finished", "complete", "differs", "estimate", "exact", "more", "nothing_found", "success", "sweep", "valid"),
    *("active", "archived", "draft", "fork", "partial", "prerelease", "private", "retry_after_date", "revoked"),
    *("secondary",),
}
# Parameters of Django, and the reader of a setting.
DJANGOS = {"change", "commit", "default", "flag", "prepared"}


def constants() -> Iterator[tuple[str, str]]:
    """Every constant of a module, with its place."""
    for path, module in modules().items():
        for statement in module.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            for name in (node for target in targets if target for node in ast.walk(target)):
                if isinstance(name, ast.Name) and name.id.isupper():
                    yield f"{path}:{statement.lineno}", name.id


def booleans() -> Iterator[tuple[str, str]]:
    """Every function, parameter and attribute that is annotated as a boolean, with its place."""
    for place, node in nodes():
        match node:
            case ast.FunctionDef(returns=ast.Name("bool")) | ast.AsyncFunctionDef(returns=ast.Name("bool")):
                yield place, node.name
            case ast.arg(annotation=ast.Name("bool")):
                yield place, node.arg
            case ast.AnnAssign(annotation=ast.Name("bool"), target=ast.Name(name) | ast.Attribute(attr=name)):
                yield place, name


def asks_a_question(name: str) -> bool:
    plain = name.strip("_")
    return name.startswith("__") or plain in VERBS | FIELDS | DJANGOS or QUESTION.match(plain) is not None


def test_limits_say_that_they_are_limits() -> None:
    assert [f"{place}: {name}" for place, name in constants() if LIMIT.match(name)] == []


def test_booleans_ask_a_question() -> None:
    assert [f"{place}: {name}" for place, name in booleans() if not asks_a_question(name)] == []


def test_names_that_break_the_rules_are_found() -> None:
    assert [name for name in ("MOST_ROWS", "_LISTED", "PAGE", "MAX_PAGE", "LISTED_IDS") if LIMIT.match(name)] == [
        "MOST_ROWS",
        "_LISTED",
        "PAGE",
    ]
    assert [name for name in ("is_open", "_has_key", "open", "claim") if not asks_a_question(name)] == ["open"]
