"""Is a stage that received no batch skipped, and is the run still complete?"""

from uuid import uuid4

import pytest
from django.db.models import Q

from apps.integrations.models import Integration
from apps.jobs import selectors
from apps.jobs.execution import completion, handlers
from apps.jobs.execution.handlers import BatchResult
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Run
from apps.jobs.queue import batches
from apps.jobs.queue.batches import NewBatch
from apps.jobs.queue.covers import RawRecords
from apps.progress.choices import StageState
from apps.progress.models import LogLine
from apps.progress.selectors import stage_states
from apps.sources.base import Slice
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.tenants.models import Tenant

PROJECTS = "jira_projects_and_issue_types"


@pytest.fixture
def run(acme: Tenant) -> Run:
    integration = Integration.across_tenants.create(
        tenant=acme, provider="jira", name="acme-jira", base_url="https://jira.example.com"
    )
    return services.start(create_job(integration), actor="ada")


def work(run: Run, stage: Stage, following: list[NewBatch]) -> None:
    """A worker does all batches of a stage; these batches follow."""
    for batch in batches.claim(uuid4(), Q(run=run, step=PROJECTS, stage=stage), 10):
        handlers.finish(batch, lambda: BatchResult(done=5, batches=following))


def test_a_stage_that_received_no_batch_is_skipped(run: Run) -> None:
    batches.add(run, [NewBatch(PROJECTS, Stage.EXTRACTION, Slice("projects"))])
    work(run, Stage.EXTRACTION, [NewBatch(PROJECTS, Stage.TRANSFORM, RawRecords([1]), 5)])
    completion.finish_first_stage(run, PROJECTS, Stage.EXTRACTION)
    assert stage_states(run.pk)[PROJECTS, "transform"] == StageState.RUNNING
    work(run, Stage.TRANSFORM, [])
    completion.close_stages(run)
    states = stage_states(run.pk)
    assert [states[PROJECTS, stage] for stage in Stage] == ["finished", "finished", "skipped"]
    texts = LogLine.objects.filter(run=run.pk, step=PROJECTS, stage="embedding").values_list("text", flat=True)
    assert list(texts) == ["Projects and issue types: embedding skipped, nothing to do."]


def test_a_slice_without_records_skips_both_stages_that_follow(run: Run) -> None:
    batches.add(run, [NewBatch(PROJECTS, Stage.EXTRACTION, Slice("projects"))])
    work(run, Stage.EXTRACTION, [])
    completion.finish_first_stage(run, PROJECTS, Stage.EXTRACTION)
    states = stage_states(run.pk)
    assert [states[PROJECTS, stage] for stage in Stage] == ["finished", "skipped", "skipped"]


def test_a_run_with_skipped_stages_is_complete(run: Run) -> None:
    for step in definition("jira").steps:
        completion.finish_first_stage(run, step.key, Stage.EXTRACTION)
    assert set(stage_states(run.pk).values()) == {StageState.SKIPPED}
    assert completion.is_complete(run)
    assert selectors.unfinished_stages(run.job, selectors.steps_status(run.job)) == []
