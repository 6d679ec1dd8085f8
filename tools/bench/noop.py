"""What does a chain cost that has nothing to do? This job's steps plan no work; only workers of the bench know it."""

from apps.jobs.execution.handlers import register_planner
from apps.sources.definition import JobDefinition, Part, ProgressStep, Stage, StepDefinition
from apps.sources.registry import register_definition

STEPS = 20

NOOP = JobDefinition(
    job_type="noop",
    title="Nothing to do",
    steps=tuple(StepDefinition(f"noop_{n:02}", f"Nothing {n}", stages=(Stage.EXTRACTION,)) for n in range(STEPS)),
    progress_steps=(ProgressStep("Nothing", tuple(Part(f"noop_{n:02}", Stage.EXTRACTION) for n in range(STEPS))),),
)

register_definition(NOOP)
register_planner(lambda run, step: [], NOOP.job_type)
