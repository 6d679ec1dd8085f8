"""What must an embedder be able to do, and how does it say that it cannot?"""

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]

# One document is one point, so that it is found once and counted once. What people search for stands at the
# start of an issue or a pull request; and 4,000 characters fit into the 8,192 tokens of the usual models.
MAX_CHARS = 4_000


class EmbedderError(Exception):
    """The embedder cannot work, told in a sentence that a person can act on."""


class TextRefusedError(EmbedderError):
    """The embedder works, but not with these texts: at least one of them is at fault."""


class Embedder(Protocol):
    """Turns texts into vectors. ``name`` says model and version: vectors of two names are never compared."""

    @property
    def name(self) -> str:
        """The id of the model, with its version where the same name may change its vectors."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimension), float32, each of length 1; only the first ``MAX_CHARS`` count.

        A text without meaning (blank, or one that the model has no answer for) gets zeros, never NaN. The
        same text gets the same vector whatever else is in ``texts``. Raises :class:`EmbedderError`.
        """


# The squares of smaller numbers have lost their digits.
TINY = float(np.sqrt(np.finfo(np.float64).tiny)) * 1e3


def unit_rows(rows: NDArray[np.floating[Any]]) -> Vectors:
    """``rows`` scaled to length 1; a row that is next to nothing or not finite becomes zeros."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > TINY)
        vectors = np.where(usable, rows / np.where(usable, lengths, 1), 0)
    return vectors.astype(np.float32)


def shortened(text: str) -> str:
    """The part of ``text`` that counts, without half surrogate pairs (no tokenizer takes them)."""
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


def package_folder(package: str, embedder: str) -> Path:
    """The folder of a package, which is not imported; :class:`EmbedderError` when it is not installed."""
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
    """The sentence about a package that is not there."""
    distribution = package.replace("_", "-")
    return EmbedderError(
        f"EMBEDDER={embedder} needs the package {distribution}, which is not installed: "
        f"run `pip install {distribution}`, or choose another EMBEDDER."
    )
