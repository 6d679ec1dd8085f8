"""Do sockets send the stored states to the right people: the newest last, the end always, and to nobody else?"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from apps.core.redis import redis_client
from apps.progress import hub as hubs
from apps.progress import services
from apps.progress.consumers import JobsConsumer
from apps.progress.hub import LiveState, hub
from apps.progress.live import Change, announce
from apps.tenants.models import Membership, Tenant, User
from etlproject.asgi import application
from tests.services.progress.conftest import Begin, browser_of, count_issues, member_of

pytestmark = pytest.mark.django_db(transaction=True)
in_thread: Callable[..., Any] = database_sync_to_async


@pytest.fixture(autouse=True)
async def close_connections() -> AsyncIterator[None]:
    """The thread that asks the database for sockets closes its connection after each test."""
    yield
    await sync_to_async(lambda: connection.close())()


MAX_WAIT = 60  # seconds; only a failure waits so long


class Page(WebsocketCommunicator):
    """A browser's socket."""

    def __init__(self, cookie: str = "", origin: str = "http://testserver", path: str = "/ws/jobs/") -> None:
        headers = [(b"host", b"testserver"), (b"cookie", f"sessionid={cookie}".encode())]
        super().__init__(application, path, headers + ([(b"origin", origin.encode())] if origin else []))

    async def heard(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(await self.receive_from(MAX_WAIT))
        return message

    async def heard_until(self, seq: int) -> list[dict[str, Any]]:
        """All messages up to this number."""
        messages = [await self.heard()]
        while messages[-1]["seq"] < seq:
            messages.append(await self.heard())
        return messages

    async def closed_with(self) -> int:
        """The code with which the server closes."""
        while True:
            output = await self.receive_output(MAX_WAIT)
            if output["type"] == "websocket.close":
                return int(output["code"])


@asynccontextmanager
async def open_page(user: User, path: str = "/ws/jobs/") -> AsyncIterator[Page]:
    """A page of this user, open while the block runs."""
    browser = await in_thread(browser_of)(user)
    page = Page(browser.cookies["sessionid"].value, path=path)
    connected, _ = await page.connect(MAX_WAIT)
    assert connected
    try:
        yield page
    finally:
        await page.disconnect(timeout=MAX_WAIT)


@pytest.fixture
def ada(acme: Tenant) -> User:
    return member_of(acme)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub checks its sockets and its numbers more often than in the product."""
    monkeypatch.setattr(hubs, "REPAIR_SECONDS", 0.2)
    monkeypatch.setattr(hubs, "RECHECK_SECONDS", 0.2)


async def test_a_page_gets_the_snapshot_and_then_what_is_newer(ada: User, run: UUID) -> None:
    async with open_page(ada) as page:
        first = await page.heard()
        assert (first["type"], first["run"], first["overall"]) == ("snapshot", str(run), "RUNNING")
        await in_thread(services.set_job_state)(run, "PAUSED", message="Paused")
        second = await page.heard()
        assert (second["type"], second["seq"], second["overall"]) == ("job_status", first["seq"] + 1, "PAUSED")


async def test_a_page_that_asks_for_bundles_gets_all_waiting_messages_in_one_frame(
    ada: User, acme: Tenant, begin: Begin
) -> None:
    runs = {str(await in_thread(begin)(acme, job=job)) for job in range(3)}
    async with open_page(ada, "/ws/jobs/?bundled") as page:
        heard: dict[str, int] = {}
        while set(heard) < runs:
            heard |= {message["run"]: message["seq"] for message in json.loads(await page.receive_from(MAX_WAIT))}

        def change_all() -> None:
            for run in runs:
                services.set_job_state(UUID(run), "PAUSED", message="Paused")

        await in_thread(change_all)()
        frames: list[list[dict[str, Any]]] = []
        while {message["run"] for frame in frames for message in frame} < runs:
            frames.append(json.loads(await page.receive_from(MAX_WAIT)))
        assert len(frames) < 3
        assert all(message["overall"] == "PAUSED" for frame in frames for message in frame)


async def test_a_burst_arrives_as_fewer_but_never_older_states_and_ends_with_the_last(ada: User, run: UUID) -> None:
    def burst() -> int:
        for number in range(50):
            services.refresh(run, message=f"Number {number}", is_state_change=True)
        services.set_job_state(run, "FINISHED", message="Finished")
        return services.snapshot(run).seq

    async with open_page(ada) as page:
        first = await page.heard()
        last = await in_thread(burst)()
        messages = await page.heard_until(last)
    numbers = [message["seq"] for message in messages]
    assert numbers == sorted(set(numbers))
    assert len(messages) < 25
    assert (messages[-1]["overall"], messages[-1]["progress"]) == ("FINISHED", 100)
    followers = zip([first, *messages], messages, strict=False)
    assert all(after["type"] == "snapshot" or after["seq"] == before["seq"] + 1 for before, after in followers)


async def test_a_sync_is_answered_with_the_state_that_is_stored(ada: User, run: UUID) -> None:
    async with open_page(ada) as page:
        first = await page.heard()
        await page.send_to(json.dumps({"type": "sync", "run": str(run), "since": 0}))
        again = await page.heard()
        assert (again["type"], again["seq"]) == ("snapshot", first["seq"])


async def test_a_sync_among_changes_never_brings_an_older_state(ada: User, run: UUID) -> None:
    def change(number: int) -> int:
        services.refresh(run, message=f"Number {number}", is_state_change=True)
        return services.snapshot(run).seq

    async with open_page(ada) as page:
        await page.heard()
        for number in range(20):
            await page.send_to(json.dumps({"type": "sync", "run": str(run)}))
            last = await in_thread(change)(number)
        numbers = [message["seq"] for message in await page.heard_until(last)]
    assert numbers == sorted(numbers)


async def test_the_end_of_a_run_arrives_even_when_its_message_is_lost(
    ada: User, run: UUID, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_page(ada) as page:
        await page.heard()
        monkeypatch.setattr("apps.progress.stored.announce", lambda change: None)
        await in_thread(services.set_job_state)(run, "FINISHED", message="Finished")
        assert (await page.heard())["overall"] == "FINISHED"


async def test_a_page_survives_a_lost_connection_to_redis(ada: User, run: UUID, quick: None) -> None:
    async with open_page(ada) as page:
        await page.heard()
        await in_thread(lambda: redis_client().client_kill_filter(_type="pubsub"))()
        await in_thread(services.set_job_state)(run, "FINISHED", message="Finished")
        assert (await page.heard())["overall"] == "FINISHED"


async def test_members_hear_their_own_tenant_only(ada: User, run: UUID, globex: Tenant, begin: Begin) -> None:
    other = await in_thread(begin)(globex, job=9)
    async with open_page(ada) as page:
        assert (await page.heard())["run"] == str(run)
        await in_thread(services.set_job_state)(other, "FINISHED")
        assert await page.receive_nothing(timeout=0.6)
        await page.send_to(json.dumps({"type": "sync", "run": str(other)}))
        assert await page.heard() == {"v": 1, "type": "error", "message": f"There is no run {other}."}


async def test_a_wrong_hint_shows_a_run_to_nobody_else(
    ada: User, acme: Tenant, run: UUID, globex: Tenant, begin: Begin
) -> None:
    other = await in_thread(begin)(globex, job=9)
    async with open_page(ada) as page:
        await page.heard()
        await in_thread(announce)(Change(acme.pk, str(other), 100, "job_status"))
        assert await page.receive_nothing(timeout=0.6)


@pytest.mark.parametrize("text", ["{", "[]", "5", '{"type": "sync"}', '{"type": "sync", "run": 5}', "[" * 5000])
async def test_an_unreadable_message_is_answered_with_the_right_form(ada: User, run: UUID, text: str) -> None:
    async with open_page(ada) as page:
        await page.heard()
        await page.send_to(text)
        assert (await page.heard())["message"].startswith('Ask {"type": "sync"')


async def test_a_sync_of_an_unknown_run_is_answered_with_an_error(ada: User, run: UUID) -> None:
    async with open_page(ada) as page:
        await page.heard()
        missing = str(uuid4())
        await page.send_to(json.dumps({"type": "sync", "run": missing}))
        assert (await page.heard())["message"] == f"There is no run {missing}."


async def test_an_anonymous_socket_is_closed(run: UUID) -> None:
    page = Page("no such session")
    await page.connect(MAX_WAIT)
    assert await page.closed_with() == 4401


async def test_a_user_without_a_tenant_is_closed(run: UUID) -> None:
    user = await in_thread(User.objects.create_user)("nobody")
    async with open_page(user) as page:
        assert await page.closed_with() == 4403


@pytest.mark.parametrize("origin", ["http://evil.example", ""])
async def test_another_sites_socket_is_denied(ada: User, origin: str) -> None:
    browser = await in_thread(browser_of)(ada)
    page = Page(browser.cookies["sessionid"].value, origin)
    connected, code = await page.connect(MAX_WAIT)
    assert not connected
    assert code


async def _end_membership(user: User) -> None:
    await in_thread(lambda: Membership.objects.filter(user=user).delete())()


async def _let_the_session_expire(user: User) -> None:
    await in_thread(lambda: Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1)))()


async def _lock_out(user: User) -> None:
    await in_thread(lambda: User.objects.filter(pk=user.pk).update(is_active=False))()


async def _change_the_password(user: User) -> None:
    def change() -> None:
        user.set_password("another horse battery staple")
        user.save()

    await in_thread(change)()


@pytest.mark.parametrize("leave", [_end_membership, _let_the_session_expire, _lock_out, _change_the_password])
async def test_the_socket_of_a_former_member_is_closed(
    ada: User, run: UUID, quick: None, leave: Callable[[User], Any]
) -> None:
    async with open_page(ada) as page:
        await page.heard()
        await leave(ada)
        assert await page.closed_with() == 4403
        await in_thread(services.set_job_state)(run, "FINISHED")
        assert await page.receive_nothing(timeout=0.6)


async def test_members_stay(ada: User, run: UUID, quick: None) -> None:
    async with open_page(ada) as page:
        await page.heard()
        assert await page.receive_nothing(timeout=0.8)
        await in_thread(count_issues)(run, 5)
        await in_thread(services.refresh)(run)
        assert (await page.heard())["counts"]["jira_issues_with_changelogs"]["extraction"]["done"] == 5


async def test_the_hub_rests_when_the_last_page_is_closed(ada: User, run: UUID) -> None:
    async with open_page(ada) as one:
        await one.heard()
        async with open_page(ada) as other:
            await other.heard()
            assert len(hub()._tasks) == 4
        await in_thread(services.set_job_state)(run, "PAUSED")
        assert (await one.heard())["overall"] == "PAUSED"
    assert hub()._tasks == []


class SlowSocket(JobsConsumer):
    """A consumer whose browser takes a message only when ``gate`` is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.under_way, self.most, self.taken = asyncio.Event(), 0, 0, list[str]()
        self.states, self.sent, self.repeat, self.replies = {}, {}, set(), []
        self.work, self.is_listening, self.closed_with = asyncio.Event(), True, 0

    async def send(self, text_data: str | None = None, *_: Any, **__: Any) -> None:  # type: ignore[override]
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.gate.wait()
        self.under_way -= 1
        self.taken.append(str(text_data))

    async def close(self, code: int | bool | None = None, reason: str | None = None) -> None:
        self.closed_with = int(code or 0)


class Numbered:
    """A state of a run; only its number matters."""

    run = "run"

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.body = json.dumps({"type": "progress_update", "seq": seq})
        self.as_snapshot = json.dumps({"type": "snapshot", "seq": seq})


def _numbered(seq: int) -> LiveState:
    return cast(LiveState, Numbered(seq))


async def test_a_slow_browser_gets_the_newest_state_with_one_message_under_way() -> None:
    socket = SlowSocket()
    writer = asyncio.create_task(socket._write())
    for seq in range(1, 101):
        socket.offer(_numbered(seq))
        await asyncio.sleep(0)
    socket.gate.set()
    await asyncio.sleep(0.1)
    writer.cancel()
    assert [json.loads(text)["seq"] for text in socket.taken] == [1, 100]
    assert [json.loads(text)["type"] for text in socket.taken] == ["progress_update", "snapshot"]
    assert socket.most == 1


async def test_the_socket_of_a_browser_that_takes_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.progress.consumers.MAX_SEND_SECONDS", 0.1)
    socket = SlowSocket()
    socket.offer(_numbered(1))
    await socket._write()
    assert (socket.closed_with, socket.is_listening) == (4408, False)


async def test_older_states_and_repeated_ones_are_dropped_unless_asked_for() -> None:
    socket = SlowSocket()
    socket.gate.set()
    writer = asyncio.create_task(socket._write())
    for seq in (5, 4, 5):
        socket.offer(_numbered(seq))
        await asyncio.sleep(0.02)
    socket.repeat.add("run")
    socket.offer(_numbered(5))
    await asyncio.sleep(0.02)
    writer.cancel()
    assert [json.loads(text)["seq"] for text in socket.taken] == [5, 5]
