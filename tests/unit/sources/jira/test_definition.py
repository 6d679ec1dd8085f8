"""Is the Jira job made of what the specification says?"""

from apps.sources.definition import Part, Stage
from apps.sources.jira import Jira
from apps.sources.jira.extract import STARTERS


def test_steps_and_progress_steps() -> None:
    definition = Jira().definition
    assert [step.key for step in definition.steps] == [
        "jira_projects_and_issue_types",
        "jira_statuses_and_relationships",
        "jira_issues_with_changelogs",
        "jira_dev_status",
    ]
    assert [(part.title, part.weight) for part in definition.progress_steps] == [
        ("Extract Projects and Issue Types", 1.0),
        ("Extract Projects and Statuses", 1.0),
        ("Fetch Issues from API", 1.0),
        ("Process Issues and Changelogs", 1.0),
        ("Extract Dev Status and Create PR Links", 1.0),
    ]


def test_every_stage_of_every_step_fills_exactly_one_share_of_the_bar() -> None:
    definition = Jira().definition
    parts = [part for share in definition.progress_steps for part in share.parts]
    assert sorted(parts, key=str) == sorted(
        (Part(step.key, stage) for step in definition.steps for stage in Stage), key=str
    )
    assert set(STARTERS) == {step.key for step in definition.steps}
