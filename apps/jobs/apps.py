"""How does Django know this app?"""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Jobs, runs, chains, the queue of batches, the scheduler."""

    name = "apps.jobs"
    verbose_name = "Jobs and runs"

    def ready(self) -> None:
        """Register the handlers of a source's stages, what is deleted with a job, and the facts of a run's card."""
        from django.db.models.signals import pre_delete

        from apps.jobs.execution import handlers, stages
        from apps.jobs.lifecycle import creation, facts
        from apps.jobs.models import Job
        from apps.progress.facts import register_facts
        from apps.sources.definition import Stage

        pre_delete.connect(creation.delete_progress, sender=Job)

        register_facts(facts.facts_of)
        handlers.register_planner(stages.plan)
        handlers.register_handler(Stage.EXTRACTION, stages.extract)
        handlers.register_handler(Stage.TRANSFORM, stages.transform)
