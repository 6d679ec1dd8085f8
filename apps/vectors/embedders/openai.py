"""Which servers can embed? All with OpenAI's ``POST /embeddings``: OpenAI, vLLM, TEI, Ollama, LiteLLM …"""

from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from apps.sources.errors import AnswerTooLargeError, BadRequestError, SourceError
from apps.sources.http import Http, HttpOptions
from apps.sources.text import in_pieces
from apps.vectors.embedders.base import EmbedderError, TextRefusedError, Vectors, shortened, unit_rows

MAX_TEXTS_PER_CALL = 64
# Servers answer with these when a text is too long or not allowed.
REFUSAL_STATUSES = frozenset({400, 413, 422})


class EmbeddingPayload(msgspec.Struct):
    """One vector of an answer."""

    index: int
    embedding: list[float | None]


class EmbeddingsPayload(msgspec.Struct):
    """An answer of the endpoint; its other fields are not needed."""

    data: list[EmbeddingPayload]


class OpenAiEmbedder:
    """``EMBEDDER_URL`` is the part before ``/embeddings`` (``https://api.openai.com/v1``)."""

    passage_size = 1_000

    def __init__(self, url: str, model: str, api_key: str) -> None:
        if not url or not model:
            raise EmbedderError(
                "EMBEDDER=openai needs EMBEDDER_URL (such as https://api.openai.com/v1) and EMBEDDER_MODEL."
            )
        self.name = f"openai:{model}"
        self._model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = Http(url, HttpOptions(headers=headers))

    @cached_property
    def dimension(self) -> int:
        """The length of the vector that the endpoint sends for a first text."""
        return len(self._ask(["dimension"])[0])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The endpoint's vectors, normalized. Blank texts are not sent: the API refuses them."""
        vectors = np.zeros((len(texts), self.dimension))
        filled = [row for row, text in enumerate(texts) if text.strip()]
        for rows in in_pieces(filled, MAX_TEXTS_PER_CALL):
            vectors[rows] = self._checked(self._ask([shortened(texts[row]) for row in rows]))
        return unit_rows(vectors)

    def _checked(self, rows: list[list[float | None]]) -> NDArray[np.float64]:
        lengths = {len(row) for row in rows}
        if lengths != {self.dimension}:
            raise EmbedderError(
                f"{self._http.base_url} sent {sorted(lengths)} numbers for a vector, not {self.dimension}. "
                "Check EMBEDDER_MODEL; start the workers again after a change of the model."
            )
        return np.array(rows, dtype=np.float64)

    def _ask(self, texts: list[str]) -> list[list[float | None]]:
        """One call: the rows in the order of ``texts``. The client retries by itself."""
        try:
            answer = self._http.post("embeddings", {"model": self._model, "input": texts})
            items = sorted(answer.decode(EmbeddingsPayload).data, key=lambda item: item.index)
        except SourceError as error:
            is_refused = isinstance(error, BadRequestError | AnswerTooLargeError) or error.status in REFUSAL_STATUSES
            kind = TextRefusedError if is_refused else EmbedderError
            raise kind(f"The embedding endpoint failed: {error}") from error
        if [item.index for item in items] != list(range(len(texts))):
            raise EmbedderError(
                f"{self._http.base_url} answered {len(texts)} texts with {len(items)} vectors. "
                "Check that EMBEDDER_URL is an endpoint compatible with OpenAI's."
            )
        return [item.embedding for item in items]
