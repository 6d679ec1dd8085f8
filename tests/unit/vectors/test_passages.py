"""Are texts cut into passages so that nothing is lost, nothing grows without limit, and sentences stay whole?"""

import random
from itertools import pairwise

import pytest

from apps.vectors.passages import (
    MAX_DOCUMENT_CHARS,
    MAX_TITLE_CHARS,
    PARTS,
    passages_of,
    passages_to_embed,
    preparation,
)

SIZES = (50, 300, 1_000)
# Parts of texts that no person would write.
ODD = [
    "a",
    "word ",
    ". ",
    "! ",
    "\n",
    "\n\n",
    "\r\n",
    "。",
    "x" * 700,
    " " * 400,
    "…",
    "\u00a0",
    "🐍" * 90,
    "[link](http://a.b/c) ",
]


def odd_texts(number: int) -> list[str]:
    """Texts of odd parts in any order."""
    chance = random.Random(number)
    return ["".join(chance.choices(ODD, k=chance.randint(0, 60))) for _ in range(number)]


def words(text: str) -> str:
    """A text without white space."""
    return "".join(text.split())


def is_covered(text: str, passages: list[str]) -> bool:
    """Whether the passages follow each other in the text without a gap, from its start to its end; they may overlap."""
    end = 0
    for passage in passages:
        start = text.rfind(passage, 0, end + len(passage))
        if start < 0:
            return False
        end = max(end, start + len(passage))
    return end == len(text)


@pytest.mark.parametrize("size", SIZES)
def test_passages_hold_the_whole_text_in_its_order(size: int) -> None:
    for text in odd_texts(300):
        assert is_covered(words(text), [words(passage) for passage in passages_of(text, size)]), text


@pytest.mark.parametrize("size", SIZES)
def test_passages_are_not_longer_than_their_size(size: int) -> None:
    for text in odd_texts(300):
        first, *others = passages_to_embed(text, size)
        assert len(first) <= size + MAX_TITLE_CHARS
        assert all(0 < len(passage) <= size + len("\n\n") for passage in others)


def test_the_number_of_passages_is_limited() -> None:
    for text in ("word " * 600_000, "x" * 3_000_000, "A b. " * 600_000, "\n".join(map(str, range(500_000)))):
        assert len(text) >= 2_500_000
        passages = passages_of(text, 300)
        assert len(passages) < 2.5 * MAX_DOCUMENT_CHARS / 300
        assert passages == passages_of(text[:MAX_DOCUMENT_CHARS], 300)


def test_sentences_and_lines_stay_whole() -> None:
    sentences = [f"Sentence number {number} tells of something else than the others." for number in range(200)]
    for separator in (" ", "\n", "\n\n"):
        passages = passages_of(separator.join(sentences), 300)
        assert all(any(sentence in passage for passage in passages) for sentence in sentences)


def test_a_passage_begins_with_the_last_short_sentences_before_it() -> None:
    passages = passages_of(" ".join(f"Short sentence {number:03}." for number in range(100)), 300)
    for before, after in pairwise(passages):
        repeated = [sentence for sentence in before.split(". ") if sentence.strip(".") in after]
        assert len(repeated) == 300 // PARTS // len("Short sentence 000. ")


def test_the_title_precedes_each_passage_that_is_embedded() -> None:
    title = "The nightly export of the invoices fails when a customer has no address"
    body = "Something else happens here. " * 100
    first, second, *_ = passages_to_embed(f"{title}\n\n{body}", 300)
    assert first.startswith(f"{title}\n\nSomething")
    assert second.startswith("The nightly export of the invoices fails when a customer\n\n")
    assert title not in passages_of(f"{title}\n\n{body}", 300)[1]


def test_a_first_line_that_is_no_title_is_not_repeated() -> None:
    line = "One line of many words. " * 20
    assert all(passage.startswith("One line") for passage in passages_to_embed(f"{line}\n\nMore. " * 3, 300)[:1])
    assert passages_to_embed(line, 300) == passages_of(line, 300)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u00a0"])
def test_a_blank_text_is_one_blank_passage(text: str) -> None:
    assert passages_to_embed(text, 300) == [""]


def test_a_short_text_is_one_passage() -> None:
    assert passages_to_embed("Log-in fails\n\nSince the upgrade.", 300) == ["Log-in fails\n\nSince the upgrade."]
    assert passages_to_embed("Log-in fails", 300) == ["Log-in fails"]


def test_each_size_is_another_preparation() -> None:
    assert len({preparation(size) for size in SIZES}) == len(SIZES)
