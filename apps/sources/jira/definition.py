"""What is the Jira job made of? Its four steps and the five shares of its bar."""

from apps.sources.definition import JobDefinition, Part, ProgressStep, Stage, StepDefinition, whole_step

PROJECTS = "jira_projects_and_issue_types"
RELATIONSHIPS = "jira_statuses_and_relationships"
ISSUES = "jira_issues_with_changelogs"
DEV_STATUS = "jira_dev_status"

DEFINITION = JobDefinition(
    job_type="jira",
    title="Jira",
    steps=(
        StepDefinition(PROJECTS, "Projects and issue types"),
        StepDefinition(RELATIONSHIPS, "Statuses and relationships"),
        StepDefinition(ISSUES, "Issues with changelogs", unit="issue"),
        StepDefinition(DEV_STATUS, "Development status", unit="dev_status", noun="panel"),
    ),
    progress_steps=(
        ProgressStep("Extract Projects and Issue Types", whole_step(PROJECTS)),
        ProgressStep("Extract Projects and Statuses", whole_step(RELATIONSHIPS)),
        ProgressStep("Fetch Issues from API", (Part(ISSUES, Stage.EXTRACTION),)),
        ProgressStep("Process Issues and Changelogs", (Part(ISSUES, Stage.TRANSFORM), Part(ISSUES, Stage.EMBEDDING))),
        ProgressStep("Extract Dev Status and Create PR Links", whole_step(DEV_STATUS)),
    ),
)
