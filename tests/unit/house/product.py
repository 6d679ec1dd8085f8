"""Which code do the tests of the house read? All modules of the product but migrations, parsed once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@cache
def modules() -> dict[str, ast.Module]:
    """The path of each module, and its code."""
    paths = (path for folder in ("apps", "etlproject") for path in sorted((ROOT / folder).rglob("*.py")))
    wanted = [path for path in paths if "migrations" not in path.parts]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in wanted}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Each node of the product's code, with its file and line."""
    for path, module in modules().items():
        for node in ast.walk(module):
            yield f"{path}:{getattr(node, 'lineno', 0)}", node
