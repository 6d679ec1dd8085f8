"""How does Django know this app?"""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Jobs, runs, chains, the ledger, the scheduler."""

    name = "apps.jobs"
    verbose_name = "Jobs and runs"

    def ready(self) -> None:
        """Say who does the work of a source's stages."""
        from apps.jobs import batches, stages
        from apps.sources.definition import Stage

        batches.register_planner(stages.plan)
        batches.register_worker(Stage.EXTRACTION, stages.extract)
        batches.register_worker(Stage.TRANSFORM, stages.transform)
