"""How long does a run of the product take, and what does it use? Only runs that are proven complete have figures."""

import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.jobs.choices import RunMode
from apps.jobs.models import Batch, Run
from apps.progress.choices import STAGE_DONE, RunState
from apps.progress.models import RunProgress, StageProgress
from apps.sources.definition import Stage
from apps.warehouse.selectors import counts
from tests.platform import Platform, row_versions
from tests.processes import Sandbox, until
from tools.bench import progress_cost
from tools.bench.testbed import Testbed
from tools.bench.usage import Meter
from tools.bench.workloads import IncompleteRunError, Workload, prove

# The workers of `stack up`. Embedding may have its own worker, which starts when everything is loaded.
LOADING = ("extraction", "transform,control")
EMBEDDING = "embedding"
MAX_SECONDS = 3600


@dataclass(frozen=True)
class Measured:
    """One run of the product. ``wall_s`` ends when everything is loaded, ``whole_s`` when it is embedded too.

    ``progress_writes`` counts the stored changes of its visible state, ``batches`` its batches. ``progress_s`` are the
    seconds that all workers together needed for progress, by function.
    """

    what: str
    wall_s: float
    whole_s: float
    requests: int
    rows: int
    progress_writes: int
    progress_s: dict[str, float]
    batches: int
    usage: dict[str, dict[str, float]]
    stages: list[dict[str, Any]]

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes but the provider's."""
        return sum(used["cpu_s"] for name, used in self.usage.items() if name != "sandbox")

    def as_json(self) -> dict[str, Any]:
        """All figures, with those that are computed from others."""
        derived = {"cpu_s": round(self.cpu_s, 2), "peak_mb": self.usage["workers"]["peak_mb"]}
        return asdict(self) | derived | {"rows_per_s": round(self.rows / self.wall_s)}


class Sync:
    """Runs of one workload in one fresh database."""

    def __init__(self, testbed: Testbed, platform: Platform, workload: Workload, *, embedding_beside: bool) -> None:
        self.testbed, self.platform, self.workload = testbed, platform, workload
        self.sandbox = platform.sandbox
        self.beside = embedding_beside

    def measure(self, what: str, mode: RunMode) -> Measured:
        """One run from its start to its end. Raises :class:`IncompleteRunError`."""
        self.sandbox.control("reset-stats")
        progress_cost.reset()
        first = LOADING if not self.beside else (LOADING[0], f"{LOADING[1]},{EMBEDDING}")
        with self.testbed.workers(*first) as groups:
            with Meter(groups | {"sandbox": [self.sandbox.pid]}) as meter:
                began = time.time()
                run = self.platform.start(self.workload.job, mode)
                until(lambda: _is_loaded(run), f"the load (logs in {self.testbed.folder})", MAX_SECONDS)
                if self.beside:
                    self.platform.ended(run, MAX_SECONDS)
            requests = self.sandbox.served()
            embedded_s = 0.0 if self.beside else self._embed(run)
        prove_complete(self.testbed, self.sandbox, run, self.workload)
        stages = stage_times(run, began)
        wall_s = max(stage["end_s"] for stage in stages if stage["stage"] != Stage.EMBEDDING and stage["end_s"])
        finished = run.finished_at.timestamp() - began if run.finished_at else 0.0
        return Measured(
            what,
            round(wall_s, 3),
            round(finished if self.beside else wall_s + embedded_s, 3),
            requests,
            sum(counts(self.platform.job(self.workload.job).integration or 0).values()),
            RunProgress.across_tenants.get(pk=run.pk).seq,
            progress_cost.seconds(),
            Batch.across_tenants.filter(run=run).count(),
            {name: asdict(used) for name, used in meter.usage.items()},
            stages,
        )

    def second_load(self) -> Measured:
        """Load the same data again; raises :class:`IncompleteRunError` when a row was written."""
        before = row_versions()
        measured = self.measure("second load", RunMode.FULL)
        if row_versions() != before:
            raise IncompleteRunError("A second load of the same data changed rows.")
        return measured

    def incremental(self, seed: int, share: float = 0.02) -> Measured:
        """Change a share of the provider's records, then read the changes."""
        order = {"seed": seed, "share": share, "kinds": list(self.workload.mutations)}
        self.sandbox.control("mutate", order)
        return self.measure("incremental", RunMode.INCREMENTAL)

    def _embed(self, run: Run) -> float:
        """Start the embedding worker and wait for the end of the run; return the seconds since the worker was ready."""
        with self.testbed.workers(EMBEDDING, "control"):
            began = time.monotonic()
            self.platform.ended(run, MAX_SECONDS)
            return time.monotonic() - began


def prove_complete(testbed: Testbed, sandbox: Sandbox, run: Run, workload: Workload) -> None:
    """Raise :class:`IncompleteRunError` unless the run has ended well and everything is loaded."""
    if run.state != RunState.FINISHED:
        raise IncompleteRunError(f"The run ended as {run.state}: {run.error}")
    prove(sandbox, testbed.owner_url(str(connection.settings_dict["NAME"])), workload.proof)


def _is_loaded(run: Run) -> bool:
    run.refresh_from_db()
    if run.state not in (RunState.PENDING, RunState.RUNNING):
        return True
    loading = StageProgress.objects.filter(run=run.pk).exclude(stage=Stage.EMBEDDING)
    return not loading.exclude(state__in=STAGE_DONE).exists()


def stage_times(run: Run, began: float) -> list[dict[str, Any]]:
    """When each stage of each step worked, in seconds since ``began``, and how many records it did."""

    def since(moment: datetime | None) -> float | None:
        return round(moment.timestamp() - began, 3) if moment else None

    cells = StageProgress.objects.filter(run=run.pk).order_by("position", "started_at")
    return [
        {
            "step": cell.step,
            "stage": cell.stage,
            "state": cell.state,
            "begin_s": since(cell.started_at),
            "end_s": since(cell.finished_at),
            "done": cell.done,
            "failed": cell.failed,
        }
        for cell in cells
    ]
