"""Is every subscriber informed that a run has ended: at least once, by one sender, and nobody else?

The mail goes to a real SMTP server, the webhook to a real HTTP server.
"""

import hmac
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from apps.core.crypto import Secret
from apps.progress import delivery, notices, services
from apps.progress.choices import NoticeChannel, NoticeState
from apps.progress.models import Notice, RunProgress
from apps.tenants.models import Membership, Role, Tenant, User
from tests.processes import free_port
from tests.services.progress.conftest import Begin, browser_of, member_of

KEY = "a key of more than sixteen"


@dataclass
class Hook:
    """A receiver of webhooks that answers with ``status``."""

    address: str
    status: int = 200
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def hook() -> Iterator[Hook]:
    receiver = Hook("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append((dict(self.headers), body))
            self.send_response(receiver.status)
            self.send_header("Location", f"{receiver.address}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_port}/hooks/1?token=hidden"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


class Mailbox:
    """The handler of an SMTP server, which stores the mails."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 stored"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    mails = Mailbox()
    server = Controller(mails, hostname="127.0.0.1", port=free_port())
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
    yield mails
    server.stop()


@pytest.fixture
def ada(acme: Tenant) -> User:
    user = member_of(acme)
    user.email = "ada@example.com"
    user.save()
    return user


def subscribe(run: UUID, user: User, channel: NoticeChannel = NoticeChannel.WEBHOOK, url: str = "") -> Notice:
    row = RunProgress.across_tenants.select_related("tenant").get(pk=run)
    page = f"https://etl.example.com/runs/{run}/"
    return notices.subscribe(tenant=row.tenant, run_id=run, user=user, channel=channel, page=page, url=url, key=KEY)


def state_of(notice: Notice) -> tuple[str, int]:
    return Notice.across_tenants.values_list("state", "attempts").get(pk=notice.pk)


def make_due(notice: Notice, *, since: timedelta = timedelta()) -> None:
    Notice.across_tenants.filter(pk=notice.pk).update(due_at=timezone.now() - since)


def test_a_webhook_gets_signed_json_once(run: UUID, ada: User, hook: Hook) -> None:
    notice = subscribe(run, ada, url=hook.address)
    services.set_job_state(run, "FINISHED", message="Finished, 3 set aside")
    for _ in range(3):
        notices.send(notice.pk)
    ((headers, body),) = hook.heard
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + b64encode(hmac.digest(KEY.encode(), signed, sha256)).decode()
    assert headers["webhook-id"] == f"{notice.pk}-1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["X-Signature-256"] == "sha256=" + hmac.new(KEY.encode(), body, sha256).hexdigest()
    message = json.loads(body)
    assert (message["state"], message["text"]) == ("finished", "Finished, 3 set aside")
    assert message["run"] == str(run)
    assert message["url"] == f"https://etl.example.com/runs/{run}/"
    assert headers["X-Delivery"] == str(notice.pk) == message["id"]
    assert state_of(notice) == (NoticeState.SENT, 1)


def test_a_standard_key_signs_with_its_decoded_bytes() -> None:
    """The example of the specification."""
    key = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = delivery.signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, key)
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body
    expected = hmac.digest(b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), signed, sha256)
    assert headers["webhook-signature"] == f"v1,{b64encode(expected).decode()}"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_email_reaches_its_person(run: UUID, ada: User, mailbox: Mailbox) -> None:
    notice = subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(run, "FAILED", error="Jira does not accept the credentials.")
    notices.send(notice.pk)
    ((recipients, mail),) = mailbox.mails
    assert recipients == ["ada@example.com"]
    assert "Subject: Jira: failed" in mail
    assert "Jira does not accept the credentials." in mail
    assert f"https://etl.example.com/runs/{run}/" in mail
    assert state_of(notice) == (NoticeState.SENT, 1)


@pytest.mark.parametrize(("overall", "state"), [("FINISHED", "finished"), ("FAILED", "failed"), ("READY", "cancelled")])
def test_subscribers_are_informed_of_every_end_after_its_commit(
    overall: str,
    state: str,
    run: UUID,
    ada: User,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enqueued: list[UUID] = []
    monkeypatch.setattr(notices, "_enqueue", enqueued.append)
    notice = subscribe(run, ada, NoticeChannel.EMAIL)
    with django_capture_on_commit_callbacks(execute=True):
        services.set_job_state(run, overall)
        assert enqueued == []
    assert enqueued == [notice.pk]
    assert Notice.across_tenants.get(pk=notice.pk).body["state"] == state


@pytest.mark.parametrize("overall", ["PAUSED", "STOPPING", "PENDING"])
def test_nobody_is_informed_before_the_end(overall: str, run: UUID, ada: User) -> None:
    notice = subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(run, overall)
    notices.send(notice.pk)
    assert state_of(notice) == (NoticeState.WAITING, 0)


def test_nobody_is_informed_of_the_end_of_another_run(acme: Tenant, begin: Begin, run: UUID, ada: User) -> None:
    notice = subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(begin(acme, job=2), "FINISHED")
    assert state_of(notice) == (NoticeState.WAITING, 0)


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_refused_webhook_is_repeated_and_fails_at_last_with_its_reason(
    status: int, run: UUID, ada: User, hook: Hook
) -> None:
    hook.status = status
    notice = subscribe(run, ada, url=hook.address)
    services.set_job_state(run, "FINISHED")
    notices.send(notice.pk)
    notices.send(notice.pk)  # too early
    assert len(hook.heard) == 1
    assert state_of(notice) == (NoticeState.DUE, 1)
    for _ in range(notices.MAX_ATTEMPTS):
        make_due(notice)
        notices.send(notice.pk)
    assert len(hook.heard) == notices.MAX_ATTEMPTS
    assert state_of(notice) == (NoticeState.FAILED, notices.MAX_ATTEMPTS)
    assert Notice.across_tenants.get(pk=notice.pk).error == f"127.0.0.1 answered {status}."


def test_an_unreachable_address_is_reported_without_its_secret(run: UUID, ada: User) -> None:
    notice = subscribe(run, ada, url=f"http://127.0.0.1:{free_port()}/hooks/1?token=hidden")
    services.set_job_state(run, "FINISHED")
    notices.send(notice.pk)
    error = Notice.across_tenants.get(pk=notice.pk).error
    assert error == "127.0.0.1 could not be reached (ConnectionError)."


def test_a_lost_message_is_found_by_the_tick(run: UUID, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueued: list[UUID] = []
    monkeypatch.setattr(notices, "_enqueue", enqueued.append)
    notice = subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(run, "FINISHED")
    notices.resend_lost()
    assert enqueued == []
    make_due(notice, since=notices.LOST_AFTER)
    notices.resend_lost()
    notices.resend_lost()
    assert enqueued == [notice.pk]


def test_a_notice_whose_every_attempt_was_cut_off_fails(run: UUID, ada: User) -> None:
    notice = subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(run, "FINISHED")
    Notice.across_tenants.filter(pk=notice.pk).update(attempts=notices.MAX_ATTEMPTS)
    make_due(notice, since=notices.LOST_AFTER)
    notices.resend_lost()
    assert state_of(notice) == (NoticeState.FAILED, notices.MAX_ATTEMPTS)


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_workers_sends_a_notice(run: UUID, ada: User, hook: Hook) -> None:
    notice = subscribe(run, ada, url=hook.address)
    services.set_job_state(run, "FINISHED")
    ready = threading.Barrier(8)

    def send() -> None:
        ready.wait()
        notices.send(notice.pk)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hook.heard) == 1


def test_a_person_can_subscribe_to_a_retried_run_again(run: UUID, ada: User) -> None:
    first = subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(run, "FAILED")
    with pytest.raises(notices.RunEndedError):
        subscribe(run, ada, NoticeChannel.EMAIL)
    services.set_job_state(run, "PENDING", is_new_attempt=True)
    assert subscribe(run, ada, NoticeChannel.EMAIL).pk == first.pk
    assert state_of(first) == (NoticeState.WAITING, 0)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://169.254.169.254/latest",
        "http://example.com/hook",
        "https://user:password@example.com/hook",
        "ftp://example.com/hook",
        "https://[half",
        "",
    ],
)
def test_an_address_inside_the_operators_network_is_refused_twice(
    url: str, run: UUID, acme: Tenant, settings: Settings, ada: User
) -> None:
    settings.ALLOW_PRIVATE_NETWORKS = False
    Membership.objects.filter(user=ada).update(role=Role.OPERATOR)
    browser = browser_of(ada)
    subscription = {"channel": "webhook", "url": url, "key": KEY}
    assert browser.post(f"/api/runs/{run}/notices", subscription, "application/json").status_code == 400
    with pytest.raises(delivery.DeliveryError):
        delivery.post(url, b"{}", {})


def test_the_api_subscribes_and_unsubscribes(run: UUID, ada: User, mailbox: Mailbox) -> None:
    browser = browser_of(ada)
    answer = browser.post(f"/api/runs/{run}/notices", {"channel": "email"}, "application/json")
    assert answer.status_code == 201
    assert answer.json()["state"] == "waiting"
    assert Notice.across_tenants.get().page == f"http://testserver/runs/{run}/"
    address = f"/api/runs/{run}/notices/{answer.json()['id']}"
    assert browser.delete(address).status_code == 204
    assert browser.delete(address).status_code == 404
    assert not Notice.across_tenants.exists()


def test_the_api_says_what_is_missing(run: UUID, ada: User, globex: Tenant, begin: Begin) -> None:
    browser: Client = browser_of(ada)

    def asked(run: UUID, **subscription: str) -> tuple[int, str]:
        answer = browser.post(f"/api/runs/{run}/notices", subscription, "application/json")
        return answer.status_code, answer.json()["detail"]

    assert asked(run, channel="email") == (400, "No mail server is set up here: an operator sets EMAIL_URL.")
    assert asked(run, channel="webhook", url="https://example.com", key=KEY)[0] == 403
    Membership.objects.filter(user=ada).update(role=Role.OPERATOR)
    short = asked(run, channel="webhook", url="https://example.com", key="short")
    assert short == (400, "The signing key must have at least 16 characters.")
    assert asked(begin(globex, job=2), channel="email")[0] == 404
    services.set_job_state(run, "FINISHED")
    assert asked(run, channel="webhook", url="http://127.0.0.1", key=KEY) == (409, "This run has ended already.")


def test_neither_address_nor_key_is_stored_readable(run: UUID, ada: User) -> None:
    notice = subscribe(run, ada, url="https://example.com/hooks/hidden")
    assert Notice.across_tenants.get(pk=notice.pk).key == Secret(KEY)
    assert "hidden" not in repr(notice.__dict__)
