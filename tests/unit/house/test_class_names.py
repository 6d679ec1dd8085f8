"""Has every class of the product its own name?"""

import ast
from collections import defaultdict

from tests.unit.house.product import nodes

# Django finds these by their names.
EXEMPT = {"Command", "Meta"}
# A row of a source and the model of its table share a name. A user of a source is no user of the product.
ROWS, TABLES, USERS = "apps/sources/rows.py", "apps/warehouse/models/", "apps/tenants/models.py"


def places_of_classes() -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for place, node in nodes():
        if isinstance(node, ast.ClassDef) and node.name not in EXEMPT:
            places[node.name].append(place)
    return places


def may_share(name: str, places: list[str]) -> bool:
    wanted = (ROWS, TABLES, USERS) if name == "User" else (ROWS, TABLES)
    return len(places) == len(wanted) and all(any(place.startswith(one) for place in places) for one in wanted)


def test_no_two_classes_have_one_name() -> None:
    shared = {name: places for name, places in places_of_classes().items() if len(places) > 1}
    assert {name: places for name, places in shared.items() if not may_share(name, places)} == {}


def test_only_a_row_and_its_table_share_a_name() -> None:
    assert may_share("Issue", [f"{ROWS}:1", f"{TABLES}work.py:2"])
    assert not may_share("Issue", [f"{ROWS}:1", "apps/sandbox/data/issues.py:2"])
    assert not may_share("Issue", [f"{ROWS}:1", f"{TABLES}work.py:2", f"{TABLES}code.py:3"])
