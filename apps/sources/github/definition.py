"""What is the GitHub job made of? Two steps, shown as three equal progress steps."""

from apps.sources.definition import JobDefinition, Part, ProgressStep, Stage, StepDefinition, whole_step

REPOSITORIES = "github_repositories"
PULL_REQUESTS = "github_prs_commits_reviews_comments"

DEFINITION = JobDefinition(
    job_type="github",
    title="GitHub",
    steps=(
        StepDefinition(REPOSITORIES, "Repositories, releases, deployments and workflow runs"),
        StepDefinition(PULL_REQUESTS, "Pull requests, commits, reviews and comments", unit="pull_request"),
    ),
    progress_steps=(
        ProgressStep("Setup and Discovery", whole_step(REPOSITORIES)),
        ProgressStep(
            "Repository Processing",
            (Part(PULL_REQUESTS, Stage.EXTRACTION), Part(PULL_REQUESTS, Stage.TRANSFORM)),
        ),
        ProgressStep("Finalization and Cleanup", (Part(PULL_REQUESTS, Stage.EMBEDDING),)),
    ),
)
