"""How much did a run read, and how long did it take? The rows of every list of runs."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, Sum

from apps.jobs.models import Job, Run
from apps.progress.models import StageProgress
from apps.sources.definition import Stage


@dataclass(frozen=True)
class RunRow:
    """A run in a list, with the number of records that it read."""

    run: Run
    volume: int

    @property
    def took(self) -> timedelta | None:
        """The time from the start of the work to its end."""
        return took(self.run)


def took(run: Run) -> timedelta | None:
    """How long a run worked; ``None`` if it has not ended or never started."""
    if run.started_at is None or run.finished_at is None:
        return None
    return run.finished_at - run.started_at


def with_volume(runs: list[Run]) -> list[RunRow]:
    """The runs, each with the number of records that it extracted, or of texts that it embedded if it extracts none."""
    done = (
        StageProgress.objects.filter(run__in=[run.pk for run in runs])
        .values_list("run")
        .annotate(extracted=Sum("done", filter=Q(stage=Stage.EXTRACTION)), embedded=Sum("done"))
    )
    volumes = {run_id: extracted if extracted is not None else embedded for run_id, extracted, embedded in done}
    return [RunRow(run, volumes.get(run.pk, 0)) for run in runs]


def recent_runs(job: Job, limit: int = 10) -> list[RunRow]:
    """The newest runs of one job."""
    runs = Run.objects.for_tenant(job.tenant_id).filter(job=job).select_related("job").order_by("-created_at")
    return with_volume(list(runs[:limit]))
