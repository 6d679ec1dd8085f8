"""How does a terminal follow a run? It shows a progress bar from the stored state until the run ends."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from apps.jobs.models import Run
from apps.progress.choices import ENDED
from apps.progress.engine.words import wait_words
from apps.progress.models import RunProgress

POLL_SECONDS = 0.25


def until_ended(run: Run) -> Run:
    """Wait for the end of a run and return it; shows a bar if standard error is a terminal."""
    columns = (
        TextColumn("[bold]{task.description:<14}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>5.1f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task(run.job.name, total=100, message="")
        while True:
            state = RunProgress.across_tenants.get(pk=run.pk)
            run.refresh_from_db()
            message = wait_words(state.waiting, run.not_before) or state.message
            bars.update(task, completed=state.percent, message=message)
            if run.state in ENDED:
                return run
            time.sleep(POLL_SECONDS)
