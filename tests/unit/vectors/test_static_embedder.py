"""Are the default embedder's vectors finite, of length 1, and the same every time?"""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import wordllama
from hypothesis import given
from hypothesis import strategies as st

from apps.vectors.embedders.base import MAX_CHARS
from apps.vectors.embedders.static import StaticEmbedder

TEXTS = [
    "Users cannot log in after the upgrade to 4.2",
    "Payment fails with a timeout when the cart has more than 100 items",
    "def main():\n    return 42  # the answer",
    "Größenänderung führt zu 日本語 ошибке 🚀",
]


SHARED = StaticEmbedder()


@pytest.fixture
def embedder() -> StaticEmbedder:
    return SHARED


def test_vectors_have_the_promised_shape_and_length_one(embedder: StaticEmbedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension) == (4, 256)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)


def test_no_text_gives_an_empty_array(embedder: StaticEmbedder) -> None:
    assert embedder.embed([]).shape == (0, 256)


@pytest.mark.parametrize("blank", ["", " ", "\n\t \r", "\u00a0\u3000"])
def test_a_blank_text_gets_zeros_and_leaves_its_neighbours_alone(embedder: StaticEmbedder, blank: str) -> None:
    vectors = embedder.embed(["before", blank, "after"])
    assert not vectors[1].any()
    assert np.array_equal(vectors[[0, 2]], embedder.embed(["before", "after"]))


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_gets_a_finite_vector(text: str) -> None:
    (vector,) = SHARED.embed([text])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1 if text.strip() else 0)


def test_the_same_text_gets_the_same_vector_beside_any_other_text(embedder: StaticEmbedder) -> None:
    alone = np.concatenate([StaticEmbedder().embed([text]) for text in TEXTS])
    assert np.array_equal(alone, embedder.embed(TEXTS))


def test_only_the_stated_number_of_characters_counts(embedder: StaticEmbedder) -> None:
    start = "word " * (MAX_CHARS // 5)
    first, second, third = embedder.embed([start, start + "something else", "something else " + start])
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_vectors_are_those_of_the_packages_own_class(embedder: StaticEmbedder) -> None:
    theirs = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    expected = theirs.embed([" ".join(text.split()) for text in TEXTS], norm=True)
    assert embedder.embed(TEXTS) == pytest.approx(expected, abs=1e-5)


def test_the_name_says_model_and_version(embedder: StaticEmbedder) -> None:
    assert embedder.name.startswith("wordllama-l2_supercat-256@0.")


def test_long_words_do_not_stay_in_memory() -> None:
    embedder = StaticEmbedder()
    words = [f"{number}" * (MAX_CHARS // 4) for number in range(1000, 1100)]
    tracemalloc.start()
    try:
        for word in words:
            embedder.embed([word])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 500_000
