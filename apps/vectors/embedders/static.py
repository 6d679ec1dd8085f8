"""Which vectors cost nearly nothing? The mean of the static token vectors in the package wordllama.

This reads only the two data files of the package. The package's own class computes the same in padded batches with 32
bits, at half the speed and with twice the memory for the table.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version

import numpy as np

from apps.vectors.embedders.base import Vectors, optional_module, package_folder, shortened, unit_rows

MAX_CACHED_WORDS = 10_000
MAX_CACHED_CHARS = 32  # of a word; longer ones rarely come again, and each can have a thousand tokens


class StaticEmbedder:
    """wordllama's ``l2_supercat``, 256 numbers. It has no wheel for Linux on ARM or for Python 3.14."""

    passage_size = 300  # a mean of more words no longer tells what one sentence is about

    def __init__(self) -> None:
        folder = package_folder("wordllama", "static")
        tokenizers = optional_module("tokenizers", "static")
        safetensors = optional_module("safetensors", "static")
        self.name = f"wordllama-l2_supercat-256@{version('wordllama')}"
        # The table comes first: for a moment it needs its memory twice.
        with safetensors.safe_open(folder / "weights" / "l2_supercat_256.safetensors", framework="np") as weights:
            self._table = weights.get_tensor("embedding.weight")
        self._tokenizer = tokenizers.Tokenizer.from_file(
            str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json")
        )
        self.dimension = int(self._table.shape[1])
        # No token of this model contains a space, so a word has the same tokens in every text.
        self._tokens = lru_cache(maxsize=MAX_CACHED_WORDS)(self._tokenize)

    def _tokenize(self, word: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(word, add_special_tokens=False).ids)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The normalized mean over each text's tokens."""
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        known, new = self._tokens, self._tokenize
        for row, text in zip(sums, texts, strict=True):
            words = shortened(text).split()
            tokens = [t for word in words for t in (known(word) if len(word) <= MAX_CACHED_CHARS else new(word))]
            if tokens:
                np.add.reduce(self._table.take(tokens, axis=0, mode="clip"), axis=0, dtype=np.float32, out=row)
        return unit_rows(sums)
