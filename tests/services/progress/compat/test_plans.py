"""Can a plan change by discovered steps and by what earlier runs teach?"""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from apps.progress import services
from apps.progress.choices import StageState
from apps.progress.compat import discover
from apps.progress.models import RunProgress, StageProgress
from apps.sources.definition import JobDefinition, Part, ProgressStep, Stage, StepDefinition
from apps.tenants.models import Tenant
from tests.services.progress.conftest import Begin, finish_first_steps


def test_a_discovered_step_does_not_move_the_bar_back(run: UUID) -> None:
    finish_first_steps(run)
    before = RunProgress.across_tenants.get(pk=run).percent
    discover(run, "archive", "Fetch the archive", Stage.EXTRACTION)
    discover(run, "archive", "Fetch the archive", Stage.EXTRACTION)
    services.refresh(run, is_state_change=True)
    state = services.snapshot(run)
    assert state.progress == pytest.approx(before)
    assert state.total_steps == 6
    assert state.plan[-1].title == "Fetch the archive"
    assert state.plan[-1].end == 100
    services.count(run, "archive", Stage.EXTRACTION, done=5, total=10)
    services.refresh(run, is_state_change=True)
    assert RunProgress.across_tenants.get(pk=run).percent == pytest.approx(before + (100 - before) / 4 / 2)


def test_learnt_weights_are_used_where_the_definition_asks_for_them(
    acme: Tenant, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = JobDefinition(
        "learning",
        "Learning",
        tuple(StepDefinition(key, key, stages=(Stage.EXTRACTION,)) for key in ("a", "b")),
        tuple(ProgressStep(key, (Part(key, Stage.EXTRACTION),)) for key in ("a", "b")),
        with_learned_weights=True,
    )
    monkeypatch.setattr("apps.sources.registry._definitions", {"learning": learning})
    first = begin(acme, job_type="learning")
    begun = timezone.now() - timedelta(minutes=10)
    for key, end in (("a", 30), ("b", 120)):
        cells = StageProgress.objects.filter(run=first, step=key)
        cells.update(started_at=begun, finished_at=begun + timedelta(seconds=end), state=StageState.FINISHED)
    services.set_job_state(first, "FINISHED")
    assert [line.end for line in services.snapshot(first).plan] == [50, 100]
    second = begin(acme, job_type="learning")
    assert [line.end for line in services.snapshot(second).plan] == [25, 100]
