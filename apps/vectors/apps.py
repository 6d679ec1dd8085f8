"""How does Django know this app?"""

from django.apps import AppConfig

from apps.sources.registry import register_definition
from apps.vectors.definition import VECTORIZATION


class VectorsConfig(AppConfig):
    """Embedders, the vector store, semantic search."""

    name = "apps.vectors"
    verbose_name = "Vectors"

    def ready(self) -> None:
        """Take over the embedding stage of every job, and bring the Vectorization job."""
        from apps.jobs.batches import register_planner, register_worker
        from apps.jobs.counts import register_counter
        from apps.sources.definition import Stage
        from apps.vectors import worker

        register_definition(VECTORIZATION)
        register_worker(Stage.EMBEDDING, worker.embed)
        register_worker(Stage.EMBEDDING, worker.vectorize, VECTORIZATION.job_type)
        register_planner(worker.plan, VECTORIZATION.job_type)
        register_counter("embedded", worker.embedded)
