"""Which old rows may be deleted, and when? The chores of jobs and of the apps below it.

The newest run of a job is kept completely, so that it can be retried. The proof and the history of a run are kept as
long as the run.
"""

from typing import Any

from django.conf import settings
from psycopg import sql

from apps.core.chores import Chore
from apps.jobs.choices import BatchState
from apps.jobs.models import Run
from apps.progress.choices import ENDED, RunState
from apps.progress.chores import chores as progress_chores
from apps.progress.models import RunProgress
from apps.raw.chores import chores as raw_chores
from apps.warehouse.models import MODELS

# The ids of runs that meet a condition; ``rank`` is 1 for the newest run of a job.
_RUNS = sql.SQL("""
SELECT id FROM (
    SELECT id, state, finished_at, row_number() OVER (PARTITION BY job_id ORDER BY created_at DESC) AS rank
    FROM jobs_run
) AS run
WHERE {condition}
""")
_EXCESS = sql.SQL("state = ANY ({ended}) AND rank > 1 AND rank > {kept}")
_OLD = sql.SQL(
    "state = ANY ({ended}) AND rank > 1 AND (rank > {kept} OR finished_at < now() - make_interval(days => {days}))"
)
# A failed run that is the newest of its job can be retried: the retry needs the ids that the failed run has listed.
_WITH_LISTS = sql.SQL("state <> ALL ({ended}) OR (state = {failed} AND rank = 1)")

# A batch that is not finished waits for the next run of the job, which adopts it when it begins.
_OLD_BATCHES = sql.SQL("""
old.run_id = ANY (ARRAY({runs})) AND (
    old.state = {finished} OR EXISTS (
        SELECT FROM jobs_run AS own JOIN jobs_run AS next USING (job_id)
        WHERE own.id = old.run_id AND next.created_at > own.created_at AND next.started_at IS NOT NULL
    )
)
""")
_EXCESS_RUNS = sql.SQL("""
old.id = ANY (ARRAY({runs})) AND NOT EXISTS (SELECT FROM etl_job_queue AS batch WHERE batch.run_id = old.id)
""")


def all_chores() -> tuple[Chore, ...]:
    """The chores in their order: a run is deleted after its batches."""
    return (
        *raw_chores(
            runs_with_lists=_runs(_WITH_LISTS), holders=((model._meta.db_table, "raw") for model in MODELS.values())
        ),
        *progress_chores(old_runs=_runs(_OLD, days=settings.KEEP_HISTORY_DAYS)),
        Chore(
            "batches of old runs",
            "etl_job_queue",
            _OLD_BATCHES.format(
                runs=_runs(_OLD, days=settings.KEEP_BATCH_DAYS), finished=sql.Literal(BatchState.FINISHED.value)
            ),
        ),
        Chore(
            "runs above the limit KEEP_RUNS", "jobs_run", _EXCESS_RUNS.format(runs=_runs(_EXCESS)), remove=_remove_runs
        ),
    )


def _runs(condition: sql.SQL, *, days: int = 0) -> sql.Composed:
    values = {
        "ended": [state.value for state in ENDED],
        "failed": RunState.FAILED.value,
        "kept": settings.KEEP_RUNS,
        "days": days,
    }
    return _RUNS.format(condition=condition.format(**{name: sql.Literal(value) for name, value in values.items()}))


def _remove_runs(ids: list[Any]) -> int:
    """Remove runs with everything that belongs to them, history included, in the caller's transaction."""
    RunProgress.across_tenants.filter(pk__in=ids).delete()
    Run.across_tenants.filter(pk__in=ids).delete()
    return len(ids)
