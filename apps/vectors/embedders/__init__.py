"""Which embedder is in use? The one that the settings choose; it is made once per process, on first use."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings

from apps.vectors.embedders.base import MAX_CHARS, Embedder, EmbedderError, TextRefusedError, Vectors
from apps.vectors.embedders.fastembed import FastEmbedEmbedder
from apps.vectors.embedders.minilm import MiniLmEmbedder
from apps.vectors.embedders.openai import OpenAiEmbedder
from apps.vectors.embedders.static import StaticEmbedder

__all__ = ["MAX_CHARS", "Embedder", "EmbedderError", "TextRefusedError", "Vectors", "current_embedder"]

# Each is made of model, URL and API key. Only the chosen one imports its package.
EMBEDDERS: dict[str, Callable[[str, str, str], Embedder]] = {
    "static": lambda _model, _url, _key: StaticEmbedder(),
    "minilm": lambda _model, _url, _key: MiniLmEmbedder(),
    "fastembed": lambda model, _url, _key: FastEmbedEmbedder(model),
    "openai": lambda model, url, key: OpenAiEmbedder(url, model, key),
}


def current_embedder() -> Embedder:
    """The embedder of ``settings.EMBEDDER``; raises :class:`EmbedderError` if something for it is missing."""
    return _made(settings.EMBEDDER, settings.EMBEDDER_MODEL, settings.EMBEDDER_URL, settings.EMBEDDER_API_KEY)


@lru_cache(maxsize=1)
def _made(kind: str, model: str, url: str, api_key: str) -> Embedder:
    return EMBEDDERS[kind](model, url, api_key)
