"""What has a crash, a lost message or a wait left behind? It is found by its lease, and woken again."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.jobs import completion, ledger, services, wake
from apps.jobs.choices import ItemState, RunState
from apps.jobs.models import QueueItem, Run

logger = logging.getLogger(__name__)

# A message that nobody took for so long may be lost; waking again is harmless.
LOST_AFTER = timedelta(seconds=60)


def recover(run: Run) -> None:
    """Send again what a crash, a lost message or a wait has left behind."""
    with transaction.atomic():
        crashed = Q(driver__isnull=False, driver_lease_until__lt=Now())
        unheard = Q(driver=None, dispatched_at__lt=Now() - LOST_AFTER)
        waited = Q(not_before__lte=Now())
        due = Q(not_before=None) | waited
        found = Run.across_tenants.select_for_update(skip_locked=True).filter(
            crashed | unheard | waited, due, pk=run.pk, state=RunState.RUNNING
        )
        if found.exists() and not completion.is_complete(run):
            logger.info("Run %s is woken again.", run.pk)
            run.refresh_from_db(fields=["epoch"])
            services.dispatch(run)
            Run.across_tenants.filter(pk=run.pk).update(not_before=None)
    wake_lost_batches(run)


def wake_lost_batches(run: Run) -> None:
    """Batches whose worker died (lease over) or whose message nobody took."""
    crashed = Q(state=ItemState.RUNNING, lease_until__lt=Now(), woken_at__lt=Now() - ledger.LEASE)
    unheard = Q(state=ItemState.QUEUED, woken_at__lt=Now() - LOST_AFTER)
    with transaction.atomic():
        lost = list(
            QueueItem.across_tenants.filter(crashed | unheard, run=run)
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("run__job")[:1000]
        )
        QueueItem.across_tenants.filter(pk__in=[item.pk for item in lost]).update(woken_at=Now())
        transaction.on_commit(lambda: wake.items(lost))
