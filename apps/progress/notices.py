"""Who is informed when a run ends, and has the notice been sent?

A notice becomes due in the transaction that ends the run. A worker claims the notice by a conditional update before it
sends it, so that no other worker sends it at the same time. The scheduler finds the notices whose message was lost or
whose worker died.
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
from apps.progress.delivery import DeliveryError, deliver
from apps.progress.models import Notice, RunProgress
from apps.tenants.models import Tenant, User

MAX_ATTEMPTS = 5
CLAIM_TIME = timedelta(seconds=60)
BACK_OFF = timedelta(seconds=30)  # doubled with every attempt
LOST_AFTER = timedelta(seconds=20)  # since the notice was due: its message may be lost


class RunEndedError(Exception):
    """The run has ended, so nobody can subscribe to its end any more."""


def subscribe(
    *, tenant: Tenant, run_id: UUID, user: User, channel: NoticeChannel, page: str, url: str = "", key: str = ""
) -> Notice:
    """Inform ``user`` when the run ends; the newest subscription to a channel counts. Raises :class:`RunEndedError`."""
    with transaction.atomic():
        # The end of the run locks the same row: either it finds this subscription, or this finds the end.
        row = RunProgress.objects.for_tenant(tenant).select_for_update(no_key=True).get(pk=run_id)
        if not JobState(row.overall).is_active:
            raise RunEndedError("This run has ended already.")
        asked = {"tenant": tenant, "page": page, "url": Secret(url), "key": Secret(key)}
        fresh = {"state": NoticeState.WAITING, "attempts": 0, "due_at": None, "sent_at": None, "error": ""}
        notice, _ = Notice.across_tenants.update_or_create(
            run=row, user=user, channel=channel, defaults={**asked, **fresh}
        )
    return notice


def unsubscribe(*, tenant: Tenant, run_id: UUID, user: User, notice_id: UUID) -> bool:
    """Delete a notice that still waits for the end of the run; return whether there was one."""
    waiting = Notice.objects.for_tenant(tenant).filter(pk=notice_id, run=run_id, user=user, state=NoticeState.WAITING)
    return bool(waiting.delete()[0])


def notices_of(run_id: UUID, user: User) -> list[Notice]:
    """The notices about a run to ``user``, without the secrets."""
    found = Notice.across_tenants.filter(run=run_id, user=user).defer("url", "key").select_related("user")
    return list(found.order_by("channel"))


def make_due(run_id: UUID, state: str, sentence: str) -> None:
    """The run ends in this transaction as ``state`` says (FINISHED, FAILED, CANCELLED): its notices are sent after it.

    The caller has written the row of the run, and so locked it.
    """
    waiting = Notice.across_tenants.filter(run=run_id, state=NoticeState.WAITING).select_related("run")
    due = list(waiting.defer("url", "key"))
    for notice in due:
        notice.state, notice.due_at = NoticeState.DUE, Now()
        notice.body = {
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
    Notice.across_tenants.bulk_update(due, ["state", "due_at", "body"])
    for notice in due:
        transaction.on_commit(partial(_enqueue, notice.pk), robust=True)


def resend_lost() -> None:
    """Enqueue the notices that should have been sent by now; end those whose last attempt never came to an end."""
    lost = Notice.across_tenants.filter(state=NoticeState.DUE, due_at__lte=Now() - LOST_AFTER)
    ended = lost.filter(attempts__gte=MAX_ATTEMPTS)
    ended.update(state=NoticeState.FAILED, error="Every attempt to send it was cut off.")
    for pk in list(lost.values_list("pk", flat=True)[:100]):
        if lost.filter(pk=pk).update(due_at=Now()):
            _enqueue(pk)


def send(notice_id: UUID) -> None:
    """Send one notice that is due, unless another worker sends it; after a failure it becomes due again later."""
    claimable = Q(pk=notice_id, state=NoticeState.DUE, attempts__lt=MAX_ATTEMPTS, due_at__lte=Now())
    if not Notice.across_tenants.filter(claimable).update(attempts=F("attempts") + 1, due_at=Now() + CLAIM_TIME):
        return
    notice = Notice.across_tenants.select_related("user").get(pk=notice_id)
    mine = Notice.across_tenants.filter(pk=notice_id, state=NoticeState.DUE, attempts=notice.attempts)
    try:
        deliver(notice)
    except DeliveryError as error:
        if notice.attempts >= MAX_ATTEMPTS:
            mine.update(state=NoticeState.FAILED, error=str(error))
        else:
            mine.update(due_at=Now() + BACK_OFF * 2 ** (notice.attempts - 1), error=str(error))
    else:
        mine.update(state=NoticeState.SENT, sent_at=Now(), error="")


def _enqueue(notice_id: UUID) -> None:
    kwargs = {"notice_id": str(notice_id)}
    broker.send(signature("progress.send_notice", kwargs=kwargs, immutable=True, queue="control", expires=3600))
