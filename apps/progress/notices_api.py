"""How does a page or a program subscribe to the end of a run, and unsubscribe?"""

from typing import cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from ninja import Field, Router, Schema, Status
from ninja.errors import HttpError

from apps.progress import delivery, notices
from apps.progress.choices import NoticeChannel
from apps.progress.models import Notice, RunProgress
from apps.tenants.api_auth import member_tenant
from apps.tenants.models import Role, Tenant, User
from apps.tenants.permissions import require

router = Router(tags=["Progress"])

MIN_KEY_LENGTH = 16


class Subscription(Schema):
    """By e-mail to the address of the account, or as JSON to ``url``, signed with ``key`` (Standard Webhooks)."""

    channel: NoticeChannel
    url: str = Field("", max_length=2000)
    key: str = Field("", max_length=200)


class NoticeInfo(Schema):
    """A notice and what has become of it, without its address and its key."""

    id: UUID
    channel: str
    state: str
    error: str


@router.post("/runs/{uuid:run_id}/notices", response={201: NoticeInfo}, summary="Tell me when it ends")
def subscribe(request: HttpRequest, run_id: UUID, subscription: Subscription) -> Status[Notice]:
    """409 when the run has ended already; 400 with the sentence that says what is missing."""
    tenant, user = member_tenant(request), cast(User, request.user)
    if not RunProgress.objects.for_tenant(tenant).filter(pk=run_id).exists():
        raise HttpError(404, f"There is no run {run_id}.")
    _check(subscription, user, tenant)
    try:
        notice = notices.subscribe(
            tenant=tenant,
            run_id=run_id,
            user=user,
            channel=subscription.channel,
            page=request.build_absolute_uri(reverse("run", args=[run_id])),
            url=subscription.url,
            key=subscription.key,
        )
    except notices.RunEndedError as error:
        raise HttpError(409, str(error)) from error
    return Status(201, notice)


@router.delete("/runs/{uuid:run_id}/notices/{uuid:notice_id}", response={204: None}, summary="Do not tell me")
def unsubscribe(request: HttpRequest, run_id: UUID, notice_id: UUID) -> Status[None]:
    """404 when the caller has no such notice that still waits."""
    user = cast(User, request.user)
    if not notices.unsubscribe(tenant=member_tenant(request), run_id=run_id, user=user, notice_id=notice_id):
        raise HttpError(404, "There is no such notice of yours that still waits for the end.")
    return Status(204, None)


def _check(subscription: Subscription, user: User, tenant: Tenant) -> None:
    if subscription.channel == NoticeChannel.EMAIL:
        if not delivery.has_mail_server():
            raise HttpError(400, "No mail server is set up here: an operator sets EMAIL_URL.")
        if not user.email:
            raise HttpError(400, "Your account has no e-mail address: ask an admin to add it.")
        return
    require(user, tenant, Role.OPERATOR)
    if len(subscription.key) < MIN_KEY_LENGTH:
        raise HttpError(400, f"The signing key must have at least {MIN_KEY_LENGTH} characters.")
    try:
        delivery.check_webhook(subscription.url)
    except ValidationError as error:
        raise HttpError(400, " ".join(error.messages)) from error
