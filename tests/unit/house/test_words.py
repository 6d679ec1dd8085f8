"""Does everybody use the words of docs/words.md, and none of those that it replaces?"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.unit.house.product import ROOT

GLOSSARY = ROOT / "docs" / "words.md"
KINDS = (".py", ".html", ".js", ".css", ".md", ".toml", ".in", ".yaml", ".yml", ".example", "Makefile")
FOLDERS = ("apps", "docker", "docs", "etlproject", "requirements", "tests", "tools")
# What nobody of ours has worded: applied migrations, texts of the sample company, and this list itself.
LEFT_OUT = ("migrations", "corpus", "test_words.py")
# Words that something outside has chosen: git's branches, an icon, fields of the log's API.
GIVEN = re.compile(r"refs/heads|i-bell|icon \"bell\"")


def replaced_words() -> list[str]:
    """The words in the last column of the glossary's tables."""
    rows = (line.split("|") for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| "))
    return sorted({word for row in rows if len(row) == 5 for word in re.findall(r"`([^`]+)`", row[3])})


def texts() -> Iterator[Path]:
    """All code, pages, scripts and documents."""
    files = [*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    for path in sorted(files):
        if path.is_file() and path.name.endswith(KINDS) and path != GLOSSARY and not set(LEFT_OUT) & set(path.parts):
            yield path


def uses(text: str, words: list[str]) -> Iterator[tuple[int, str]]:
    """The replaced words in a text, with their lines."""
    pattern = re.compile(rf"\b({'|'.join(words)})\b")
    for number, line in enumerate(text.splitlines(), 1):
        for match in pattern.finditer(GIVEN.sub("", line)):
            yield number, match[1]


def test_no_replaced_word_is_used() -> None:
    words = replaced_words()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {word}"
        for path in texts()
        for number, word in uses(path.read_text(encoding="utf-8"), words)
    ]
    assert found == []


def test_a_replaced_word_is_found() -> None:
    assert {"QueueItem", "bell", "turns"} <= set(replaced_words())
    assert list(uses("no bells\na bell rings; `refs/heads/main`", ["bell", "heads"])) == [(2, "bell")]
