"""What is the Vectorization job made of? Two steps with an embedding stage only."""

from apps.sources.definition import JobDefinition, Part, ProgressStep, Stage, StepDefinition

PREPARE = "vectorization_prepare"
PROCESS = "vectorization_process"

# The process step embeds documents; its last batch, which counts nothing, verifies the numbers of both stores.
# With the boundary at 0.5 the third share fills while the first half is embedded, the fourth with the rest.
VECTORIZATION = JobDefinition(
    job_type="vectorization",
    title="Vectorization",
    steps=(
        StepDefinition(PREPARE, "Prepare", stages=(Stage.EMBEDDING,), counts="check"),
        StepDefinition(PROCESS, "Embed and verify", stages=(Stage.EMBEDDING,)),
    ),
    progress_steps=(
        ProgressStep("Initialization and Queue Stats", (Part(PREPARE, Stage.EMBEDDING, 0.0, 0.5),)),
        ProgressStep("Queue Preparation and Backend Startup", (Part(PREPARE, Stage.EMBEDDING, 0.5, 1.0),)),
        ProgressStep("Processing Start and Monitoring", (Part(PROCESS, Stage.EMBEDDING, 0.0, 0.5),)),
        ProgressStep("Processing Completion and Cleanup", (Part(PROCESS, Stage.EMBEDDING, 0.5, 1.0),)),
    ),
)
