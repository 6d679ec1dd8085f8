"""Who wants to be told when a run ends, and have they been told?

A notice becomes due in the transaction that ends the run. Whoever sends it claims it first by a conditional update, for
so long that no other sends it too; the scheduler finds again what was claimed and not finished, or never heard of.
"""

from datetime import timedelta
from functools import partial
from uuid import UUID

from celery import signature
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.core import broker
from apps.core.crypto import Secret
from apps.progress.choices import JobState, NoticeChannel, NoticeState
from apps.progress.delivery import DeliveryFailed, deliver
from apps.progress.models import Notice, RunProgress
from apps.tenants.models import Tenant, User

ATTEMPTS = 5
CLAIM = timedelta(seconds=60)
BACK_OFF = timedelta(seconds=30)  # doubled with every try
LOST_AFTER = timedelta(seconds=20)  # since it was due: its message may be lost


class AlreadyEnded(Exception):
    """There is no end to wait for any more."""


def ask(
    *, tenant: Tenant, run_id: UUID, user: User, channel: NoticeChannel, page: str, url: str = "", key: str = ""
) -> Notice:
    """Tell ``user`` when the run ends; asked twice, the newest wish counts. Raises :class:`AlreadyEnded`."""
    with transaction.atomic():
        # Locked as its end locks it: either the end finds this wish, or this finds the end.
        row = RunProgress.objects.for_tenant(tenant).select_for_update(no_key=True).get(pk=run_id)
        if not JobState(row.overall).is_active:
            raise AlreadyEnded("This run has ended already.")
        wish = {"tenant": tenant, "page": page, "url": Secret(url), "key": Secret(key)}
        fresh = {"state": NoticeState.WAITING, "attempts": 0, "due_at": None, "sent_at": None, "error": ""}
        notice, _ = Notice.across_tenants.update_or_create(
            run=row, user=user, channel=channel, defaults={**wish, **fresh}
        )
    return notice


def forget(*, tenant: Tenant, run_id: UUID, user: User, notice_id: UUID) -> bool:
    """Take a wish back that has not been fulfilled; says whether there was one."""
    wishes = Notice.objects.for_tenant(tenant).filter(pk=notice_id, run=run_id, user=user, state=NoticeState.WAITING)
    return bool(wishes.delete()[0])


def notices_of(run_id: UUID, user: User) -> list[Notice]:
    """What ``user`` has asked for about a run; without the secrets."""
    found = Notice.across_tenants.filter(run=run_id, user=user).defer("url", "key").select_related("user")
    return list(found.order_by("channel"))


def ended(run_id: UUID, state: str, sentence: str) -> None:
    """A run ends as ``state`` says (FINISHED, FAILED, CANCELLED), in this transaction: who waits is told after it.

    To be called once the run's row is written, and so locked.
    """
    waiting = Notice.across_tenants.filter(run=run_id, state=NoticeState.WAITING).select_related("run")
    due = list(waiting.defer("url", "key"))
    for notice in due:
        notice.state, notice.due_at = NoticeState.DUE, Now()
        notice.told = {
            "v": 1,
            "type": "run_ended",
            "id": str(notice.pk),
            "run": str(run_id),
            "job": notice.run.job_name,
            "job_type": notice.run.job_type,
            "attempt": notice.run.attempt,
            "state": state.lower(),
            "text": sentence,
            "url": notice.page,
            "at": timezone.now().isoformat(),
        }
    Notice.across_tenants.bulk_update(due, ["state", "due_at", "told"])
    for notice in due:
        transaction.on_commit(partial(_wake, notice.pk), robust=True)


def wake_due() -> None:
    """Have sent what is due and was lost; give up what was broken off too often. Safe to call at any time."""
    lost = Notice.across_tenants.filter(state=NoticeState.DUE, due_at__lte=Now() - LOST_AFTER)
    lost.filter(attempts__gte=ATTEMPTS).update(state=NoticeState.FAILED, error="Sending it was broken off every time.")
    for pk in list(lost.values_list("pk", flat=True)[:100]):
        if lost.filter(pk=pk).update(due_at=Now()):
            _wake(pk)


def send(notice_id: UUID) -> None:
    """Send one notice that is due, unless somebody else does; a failure is tried again later, a few times."""
    claimable = Q(pk=notice_id, state=NoticeState.DUE, attempts__lt=ATTEMPTS, due_at__lte=Now())
    if not Notice.across_tenants.filter(claimable).update(attempts=F("attempts") + 1, due_at=Now() + CLAIM):
        return
    notice = Notice.across_tenants.select_related("user").get(pk=notice_id)
    mine = Notice.across_tenants.filter(pk=notice_id, state=NoticeState.DUE, attempts=notice.attempts)
    try:
        deliver(notice)
    except DeliveryFailed as error:
        if notice.attempts >= ATTEMPTS:
            mine.update(state=NoticeState.FAILED, error=str(error))
        else:
            mine.update(due_at=Now() + BACK_OFF * 2 ** (notice.attempts - 1), error=str(error))
    else:
        mine.update(state=NoticeState.SENT, sent_at=Now(), error="")


def _wake(notice_id: UUID) -> None:
    kwargs = {"notice_id": str(notice_id)}
    broker.send(signature("progress.send_notice", kwargs=kwargs, immutable=True, queue="control", expires=3600))
