"""Which old rows of progress may be deleted, and when? The log and the timeline of old runs."""

from psycopg import sql

from apps.core.chores import Chore


def chores(*, old_runs: sql.Composable) -> tuple[Chore, ...]:
    """``old_runs`` is a statement that gives the ids of the runs that are too old."""
    of_old_run = sql.SQL("old.run_id = ANY (ARRAY({}))").format(old_runs)
    return (
        Chore("log lines of old runs", "progress_logline", of_old_run),
        Chore("timeline spans of old runs", "progress_span", of_old_run),
    )
