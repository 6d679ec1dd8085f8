"""Do the numbers agree? What the source announced, what is stored raw, loaded, embedded and set aside, per kind."""

from collections.abc import Callable

from apps.jobs.models import Run
from apps.raw import selectors as raw
from apps.raw.models import Quarantine, QuarantineState
from apps.warehouse import selectors as warehouse

Counter = Callable[[int], dict[str, int]]
Counts = dict[str, dict[str, int]]

_counters: dict[str, Counter] = {
    "extracted": raw.extracted,
    "loaded": warehouse.counts,
    "set_aside": raw.set_aside,
}


def register_counter(column: str, counter: Counter) -> None:
    """Add a column: a function from an integration's id to numbers per kind."""
    _counters[column] = counter


def counts_of(run: Run) -> Counts:
    """The numbers of a run's integration, by column and kind; ``announced`` is what this run was told."""
    if run.integration_id is None:
        return {}
    return {"announced": run.announced} | {column: counter(run.integration_id) for column, counter in _counters.items()}


def set_aside_by(run: Run) -> int:
    """How many records this run has set aside and nobody has settled."""
    return Quarantine.objects.for_tenant(run.tenant_id).filter(run=run.pk, state=QuarantineState.OPEN).count()
