"""How does Django know this app?"""

from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.utils.module_loading import import_string

from apps.sources.registry import register_definition
from apps.vectors.definition import VECTORIZATION


class VectorsConfig(AppConfig):
    """Embedders, the vector store, semantic search."""

    name = "apps.vectors"
    verbose_name = "Vectors"

    def ready(self) -> None:
        """Take over the embedding stage of every job, and register the Vectorization job."""
        from apps.jobs.execution.handlers import register_handler, register_planner
        from apps.jobs.proof.counting import register_counter, register_text_prover
        from apps.sources.definition import Stage

        register_definition(VECTORIZATION)
        register_handler(Stage.EMBEDDING, _later("handlers.embed"))
        register_handler(Stage.EMBEDDING, _later("handlers.vectorize"), VECTORIZATION.job_type)
        register_planner(_later("handlers.plan"), VECTORIZATION.job_type)
        register_counter("embedded", _later("handlers.embedded"))
        register_text_prover(_later("text_counts.count_texts"))


def _later(name: str) -> Callable[..., Any]:
    """A function of a module of :mod:`apps.vectors`, imported when it is first called.

    Qdrant's client loads gRPC, which must not be in a process that forks (the main process of a Celery worker).
    """

    def call(*arguments: Any) -> Any:
        return import_string(f"apps.vectors.{name}")(*arguments)

    return call
