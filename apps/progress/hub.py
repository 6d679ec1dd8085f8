"""How do many sockets of one web process follow the runs? Through one hub per process, not one subscription each.

For every tenant with open pages the hub listens to the channel layer once and, every 250 ms, offers the newest state of
each changed run to all sockets: what was merged on the way is encoded once, not once per socket. The layer may lose
messages, so the hub also compares its numbers with the database now and then; and it asks whether the people behind
the sockets are still members.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError
from redis.exceptions import RedisError

from apps.progress.events import RunMessage
from apps.progress.live import tenant_group
from apps.progress.selectors import live_numbers, run_of_tenant

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
REPAIR_SECONDS = 5.0
RECHECK_SECONDS = 10.0


@dataclass(frozen=True)
class State:
    """One state of a run, as the wire carries it; ``body`` is its JSON text."""

    run: str
    seq: int
    body: str

    @cached_property
    def as_snapshot(self) -> str:
        """The same state for somebody who has missed the one before it."""
        return json.dumps(json.loads(self.body) | {"type": "snapshot"}, separators=(",", ":"))


def state_of(message: RunMessage) -> State:
    """A message as the wire carries it."""
    return State(message.run, message.seq, msgspec.json.encode(message).decode())


class Listener(Protocol):
    """A socket, as the hub sees it."""

    session_key: str

    def offer(self, state: State) -> None:
        """Take a state of a run; the socket decides when it sends it, and whether it still has to."""

    def may_listen(self) -> bool:
        """Whether the person behind it is still logged in and a member (asks the database)."""

    async def eject(self) -> None:
        """Close the socket, because that person is not."""


@dataclass(eq=False)
class Feed:
    """The pages of one tenant in this process."""

    tenant_id: int
    listeners: set[Listener] = field(default_factory=set)
    waiting: dict[str, State] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin to listen, to flush, to repair and to re-check."""
        for work in (self._listen, self._flush, self._repair, self._recheck):
            self.tasks.append(asyncio.create_task(work(), name=f"{work.__name__} of tenant {self.tenant_id}"))

    async def stop(self) -> None:
        """Stop all of it."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def take(self, state: State) -> None:
        """A state that the next flush offers, unless a newer one is known."""
        if state.seq > self.numbers.get(state.run, 0):
            self.numbers[state.run] = state.seq
            self.waiting[state.run] = state
            self.changed.set()

    async def _listen(self) -> None:
        layer = get_channel_layer()
        assert layer is not None
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(tenant_group(self.tenant_id), channel)
                self.ready.set()
                while True:
                    event = await layer.receive(channel)
                    self.take(State(event["run"], event["seq"], event["body"]))
            except RedisError as error:
                # The pages still get what the repair finds in the database.
                self.ready.set()
                logger.warning("The live messages of tenant %s cannot be heard: %s", self.tenant_id, error)
                await asyncio.sleep(REPAIR_SECONDS)

    async def _flush(self) -> None:
        while True:
            await self.changed.wait()
            self.changed.clear()
            states, self.waiting = self.waiting, {}
            for listener in list(self.listeners):
                for state in states.values():
                    listener.offer(state)
            await asyncio.sleep(FLUSH_SECONDS)

    async def _repair(self) -> None:
        await self._every(REPAIR_SECONDS, self.repair)

    async def _recheck(self) -> None:
        await self._every(RECHECK_SECONDS, self.recheck)

    async def _every(self, seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except DatabaseError as error:
                logger.warning("The live pages of tenant %s could not be looked after: %s", self.tenant_id, error)

    async def repair(self) -> None:
        """Fetch what the channel layer has lost: no message that ends a run may be missing for long."""
        stored = await database_sync_to_async(live_numbers)(self.tenant_id)
        for run, seq in stored.items():
            if seq > self.numbers.get(run, 0):
                message = await database_sync_to_async(run_of_tenant)(self.tenant_id, UUID(run))
                if message is not None:
                    self.take(state_of(message))
        self.numbers = {run: seq for run, seq in self.numbers.items() if run in stored}

    async def recheck(self) -> None:
        """Close the sockets of people who have left the tenant, logged out or been locked out."""
        # The tabs of one browser share a session: it is looked up once.
        sessions = {listener.session_key: listener for listener in self.listeners}
        gone = await database_sync_to_async(
            lambda: {key for key, listener in sessions.items() if not listener.may_listen()}
        )()
        for listener in list(self.listeners):
            if listener.session_key in gone:
                await listener.eject()


class Hub:
    """The feeds of all tenants with open pages in this process."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}

    async def join(self, tenant_id: int, listener: Listener) -> None:
        """Offer the tenant's states to ``listener`` from now on; it misses none that is published after this."""
        feed = self._feeds.get(tenant_id)
        if feed is None:
            feed = self._feeds[tenant_id] = Feed(tenant_id)
            feed.start()
        feed.listeners.add(listener)
        await feed.ready.wait()

    async def leave(self, tenant_id: int, listener: Listener) -> None:
        """Offer it nothing more; the tenant's last socket ends its feed."""
        feed = self._feeds.get(tenant_id)
        if feed is None:
            return
        feed.listeners.discard(listener)
        if not feed.listeners:
            del self._feeds[tenant_id]
            await feed.stop()


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this process (of its event loop)."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
