"""How are fastembed's models used? The operator chooses one; it is downloaded from a hub on first use."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.vectors.embedders.base import EmbedderError, Vectors, optional_module, shortened, unit_rows

DEFAULT_MODEL = "BAAI/bge-small-en-v1.5"


class FastEmbedEmbedder:
    """``EMBEDDER_MODEL`` is a name of fastembed; the default model is small and English."""

    passage_size = 1_000  # of English, half of the 512 tokens that the usual models take

    def __init__(self, model: str) -> None:
        model = model or DEFAULT_MODEL
        fastembed = optional_module("fastembed", "fastembed")
        self.name = f"fastembed:{model}"
        try:
            self._model: Any = fastembed.TextEmbedding(model, threads=1)
        except Exception as error:  # the library and the hub's client raise many kinds
            raise EmbedderError(
                f"fastembed could not load the model {model!r} ({error}). Check EMBEDDER_MODEL and "
                "the access to the model hub, or choose another EMBEDDER."
            ) from error
        self.dimension = int(self._model.embedding_size)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The model's vectors, normalized. Each batch has one text, because padding would change its vector."""
        rows = list(self._model.embed([shortened(text) for text in texts], batch_size=1))
        vectors = unit_rows(np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension))
        vectors[[not text.strip() for text in texts]] = 0
        return vectors
