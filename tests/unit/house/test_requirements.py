"""Is every package that the code imports declared in requirements, and is every declared package used?"""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OURS = {"apps", "etlproject", "tests", "tools"}
# The peers of the benchmark run in an environment of their own.
PEERS = ROOT / "tools" / "bench" / "peers"
# Python's own zoneinfo reads it, and nothing names it.
USED_BY_PYTHON = {"tzdata"}


def normal(name: str) -> str:
    """The name of a distribution in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(file: str) -> set[str]:
    """The distributions that a requirements file names, with those of the files that it includes."""
    names: set[str] = set()
    for line in (ROOT / "requirements" / file).read_text().splitlines():
        if line.startswith("-r "):
            names |= declared(line.removeprefix("-r ").strip())
        elif match := re.match(r"[A-Za-z0-9._-]+", line):
            names.add(normal(match[0]))
    return names


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (file for file in (ROOT / folder).rglob("*.py") if not file.is_relative_to(PEERS))


def imported(file: Path) -> Iterator[str]:
    """The top-level packages of others that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module]
        for package in {module.partition(".")[0] for module in modules}:
            if package not in sys.stdlib_module_names and package not in OURS:
                yield package


@pytest.mark.parametrize(
    ("folders", "file"),
    [
        (("apps", "etlproject"), "embedded.in"),
        (("tests", "tools"), "dev.in"),
    ],
)
def test_every_imported_package_is_declared(folders: tuple[str, ...], file: str) -> None:
    distributions = packages_distributions()
    known = declared(file)
    missing = {
        f"{path.relative_to(ROOT)} imports {package}"
        for path in sources(*folders)
        for package in imported(path)
        if not {normal(name) for name in distributions.get(package, [package])} & known
    }
    assert not missing


def test_the_product_imports_nothing_that_only_the_embedded_services_need() -> None:
    product = [path for path in sources("apps", "etlproject") if not {"stack", "sandbox"} & set(path.parts)]
    extra = declared("embedded.in") - declared("base.in")
    distributions = packages_distributions()
    wrong = {
        f"{path.relative_to(ROOT)} imports {package}"
        for path in product
        for package in imported(path)
        if {normal(name) for name in distributions.get(package, [])} & extra
    }
    assert not wrong


def test_every_declared_package_of_the_product_is_used() -> None:
    text = "\n".join(path.read_text() for path in sources("apps", "etlproject"))
    packages: dict[str, set[str]] = {}
    for package, names in packages_distributions().items():
        for name in names:
            packages.setdefault(normal(name), set()).add(package)
    installed = declared("embedded.in") & packages.keys()
    unused = {name for name in installed if not any(re.search(rf"\b{each}\b", text) for each in packages[name])}
    assert unused == USED_BY_PYTHON


@pytest.mark.parametrize("name", ["base", "embedded", "dev"])
def test_every_declared_package_is_pinned(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    pinned = {normal(re.split(r"[\[=]", line)[0]) for line in lines if "==" in line}
    assert declared(f"{name}.in") <= pinned
