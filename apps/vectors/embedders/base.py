"""What must an embedder be able to do, and which errors may it raise?"""

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]

# A search text may be longer than a passage. So many characters fit into the 8,192 tokens of the usual models.
MAX_CHARS = 4_000


class EmbedderError(Exception):
    """The embedder cannot work; the message says what a person can do."""


class TextRefusedError(EmbedderError):
    """The embedder works, but it refuses at least one of these texts."""


class Embedder(Protocol):
    """Turns texts into vectors. ``name`` says model and version: vectors of two names are never compared."""

    @property
    def name(self) -> str:
        """The id of the model, with its version where the vectors of one name can change."""

    @property
    def dimension(self) -> int:
        """The number of values in a vector."""

    @property
    def passage_size(self) -> int:
        """The number of characters whose meaning one vector can tell well; longer texts are cut into passages."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimension), float32, each of length 1; only the first ``MAX_CHARS`` count.

        A text without meaning (a blank one, or one without an answer of the model) gets zeros, never NaN. The vector
        of a text does not depend on the other ``texts``. Raises :class:`EmbedderError`.
        """


# The squares of smaller numbers lose precision.
MIN_LENGTH = float(np.sqrt(np.finfo(np.float64).tiny)) * 1e3


def unit_rows(rows: NDArray[np.floating[Any]]) -> Vectors:
    """``rows`` scaled to length 1. A row that is nearly zero or not finite becomes zeros."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > MIN_LENGTH)
        vectors = np.where(usable, rows / np.where(usable, lengths, 1), 0)
    return vectors.astype(np.float32)


def shortened(text: str) -> str:
    """The part of ``text`` that is embedded. It has no half surrogate pairs, because no tokenizer accepts them."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


def package_folder(package: str, embedder: str) -> Path:
    """The folder of a package, without importing it; :class:`EmbedderError` when it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise missing(package, embedder)
    return Path(spec.submodule_search_locations[0])


def optional_module(module: str, embedder: str) -> Any:
    """The module of an optional package; :class:`EmbedderError` when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(module, embedder) from error


def missing(package: str, embedder: str) -> EmbedderError:
    """The error about a package that is not installed."""
    distribution = package.replace("_", "-")
    return EmbedderError(
        f"EMBEDDER={embedder} needs the package {distribution}, which is not installed: "
        f"run `pip install {distribution}`, or choose another EMBEDDER."
    )
