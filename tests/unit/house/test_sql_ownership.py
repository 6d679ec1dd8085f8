"""Does SQL touch only the tables of its own app? An import contract cannot see a table's name in a string."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).parents[3]
# Migrations make views over the tables of several apps.
ALLOWED_FOLDERS = {"migrations"}
# A view that its app makes for others to read.
PUBLISHED_VIEWS = {"warehouse_document"}
OWNERS = {
    model._meta.db_table: config.name.removeprefix("apps.")
    for config in apps.get_app_configs()
    if config.name.startswith("apps.")
    for model in config.get_models(include_auto_created=True)
}
TABLE = re.compile(rf"\b({'|'.join(map(re.escape, OWNERS))})\b")


def strings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every text of a module but the docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def foreign_tables(path: Path) -> list[str]:
    app = path.relative_to(ROOT / "apps").parts[0]
    return [
        f"{path.relative_to(ROOT)}:{text.lineno} names {table}, a table of {OWNERS[table]}"
        for text in strings(ast.parse(path.read_text()))
        for table in TABLE.findall(str(text.value))
        if OWNERS[table] != app and table not in PUBLISHED_VIEWS
    ]


def test_sql_touches_only_the_tables_of_its_own_app() -> None:
    files = [path for path in (ROOT / "apps").rglob("*.py") if not ALLOWED_FOLDERS & set(path.parts)]
    assert [finding for path in sorted(files) for finding in foreign_tables(path)] == []


def test_a_foreign_table_is_found(tmp_path: Path) -> None:
    assert {"jobs", "raw", "progress", "warehouse", "vectors"} <= set(OWNERS.values())
    assert TABLE.findall("SELECT 1 FROM raw_seen AS seen JOIN jobs_run ON true") == ["raw_seen", "jobs_run"]
