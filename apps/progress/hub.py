"""How do many sockets of one web process follow the runs? Through one hub, which reads each changed run once for all.

The hub learns which runs have changed. Every 250 ms it reads those of tenants with open pages, and offers their new
states to the sockets of their tenants. Redis may lose a hint, so the hub also compares its numbers with the database
every 5 s. Every 10 s it asks whether the people behind the sockets are still members.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

import msgspec
from channels.db import database_sync_to_async
from django.db import DatabaseError, connections
from redis.exceptions import RedisError

from apps.progress.events import RunMessage
from apps.progress.live import Change, changes
from apps.progress.selectors import current_numbers, live_runs, runs_by_id

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FLUSH_SECONDS = 0.25
REPAIR_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
RECHECK_SECONDS = 10.0


@dataclass(frozen=True)
class LiveState:
    """One state of a run; its JSON text is made once for all sockets."""

    message: RunMessage

    @property
    def run(self) -> str:
        """The id of the run."""
        return self.message.run

    @property
    def seq(self) -> int:
        """The number of the state."""
        return self.message.seq

    @cached_property
    def body(self) -> str:
        """The text for a socket that has the state before it."""
        return msgspec.json.encode(self.message).decode()

    @cached_property
    def as_snapshot(self) -> str:
        """The text for a socket that has missed the state before it."""
        return msgspec.json.encode(msgspec.structs.replace(self.message, type="snapshot")).decode()


class Listener(Protocol):
    """A socket, as the hub sees it."""

    session_key: str

    def offer(self, state: LiveState) -> None:
        """Take a state of a run; the socket decides when to send it, and whether it still has to."""

    def may_listen(self) -> bool:
        """Whether the person behind the socket is still logged in and a member (asks the database)."""

    async def eject(self) -> None:
        """Close the socket, because that person is not."""


class LiveHub:
    """Offers the states of runs to the sockets of one process, while there are any."""

    def __init__(self) -> None:
        self._listeners: dict[int, set[Listener]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        # The numbers of the states that were offered last, and the changes that came since, both by run.
        self._numbers: dict[str, int] = {}
        self._changes: dict[str, Change] = {}
        # The sockets that have joined since the last flush, by tenant: they get the state of every current run.
        self._newcomers: dict[int, set[Listener]] = {}
        self._has_work = asyncio.Event()
        self._is_listening = asyncio.Event()
        # Its own thread and connection: queries of the sockets must not delay the live states.
        self._reader = ThreadPoolExecutor(1, "hub")

    async def join(self, tenant_id: int, listener: Listener) -> None:
        """Offer ``listener`` the state of every current run of the tenant, and then every change."""
        self._listeners.setdefault(tenant_id, set()).add(listener)
        if not self._tasks:
            self._is_listening.clear()
            works = (self._listen, self._flush, self._repair, self._recheck)
            self._tasks = [asyncio.create_task(work(), name=f"hub: {work.__name__}") for work in works]
        with suppress(TimeoutError):  # without Redis, the repair finds the changes
            await asyncio.wait_for(self._is_listening.wait(), RECONNECT_SECONDS)
        self._newcomers.setdefault(tenant_id, set()).add(listener)
        self._has_work.set()

    async def leave(self, tenant_id: int, listener: Listener) -> None:
        """Offer it nothing more; when the last socket leaves, the hub rests."""
        listeners = self._listeners.get(tenant_id, set())
        listeners.discard(listener)
        self._newcomers.get(tenant_id, set()).discard(listener)
        if not listeners:
            self._listeners.pop(tenant_id, None)
        if not self._listeners:
            tasks, self._tasks = self._tasks, []
            self._numbers, self._changes, self._newcomers = {}, {}, {}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._read(connections.close_all)

    # --- what changes --------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                async for change in changes(self._is_listening):
                    self._take(change)
            except (RedisError, msgspec.MsgspecError) as error:
                # The pages still get what the repair finds in the database.
                logger.warning("Redis delivers no live hints; the pages are up to %g s late: %s", REPAIR_SECONDS, error)
                await asyncio.sleep(RECONNECT_SECONDS)

    def _take(self, change: Change) -> None:
        """Remember a change for the next flush, unless a newer one is known or no page of its tenant is open."""
        known = self._changes.get(change.run)
        newest = max(self._numbers.get(change.run, 0), known.seq if known else 0)
        if change.tenant in self._listeners and change.seq > newest:
            self._changes[change.run] = change
            self._has_work.set()

    async def _flush(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            begin = clock()
            try:
                await self._welcome()
                await self._offer_changes()
            except DatabaseError as error:
                logger.warning("Runs could not be read; the pages get them later: %s", error)
                self._has_work.set()
                await asyncio.sleep(REPAIR_SECONDS)
            await asyncio.sleep(max(begin + FLUSH_SECONDS - clock(), 0.0))

    async def _welcome(self) -> None:
        while self._newcomers:
            tenant_id = next(iter(self._newcomers))
            states = [LiveState(message) for message in await self._read(live_runs, tenant_id)]
            for listener in self._newcomers.pop(tenant_id, ()):
                for state in states:
                    listener.offer(state)

    async def _offer_changes(self) -> None:
        changed, self._changes = self._changes, {}
        for message in await self._read(runs_by_id, list(changed)):
            change = changed[message.run]
            if message.seq == change.seq:
                message.type = change.kind
            if message.seq > self._numbers.get(message.run, 0):
                self._numbers[message.run] = message.seq
                state = LiveState(message)
                for listener in list(self._listeners.get(message.tenant, ())):
                    listener.offer(state)

    async def _read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await database_sync_to_async(work, thread_sensitive=False, executor=self._reader)(*args, **kwargs)

    # --- what is checked from time to time -----------------------------------------------------------------------

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
                logger.warning("The database does not answer for the live pages: %s", error)

    async def repair(self) -> None:
        """Find the changes whose hints were lost: no message that ends a run may be missing for long."""
        current = await self._read(current_numbers, list(self._listeners))
        for tenant_id, run, seq in current:
            self._take(Change(tenant_id, run, seq, "snapshot"))
        runs = {run for _, run, _ in current}
        self._numbers = {run: seq for run, seq in self._numbers.items() if run in runs}

    async def recheck(self) -> None:
        """Close the sockets of people who have left the tenant, logged out or been locked out."""
        for listeners in list(self._listeners.values()):
            # The tabs of one browser share a session: it is looked up once.
            sessions = {listener.session_key: listener for listener in listeners}
            gone = await database_sync_to_async(_left)(sessions)
            for listener in list(listeners):
                if listener.session_key in gone:
                    await listener.eject()


def _left(sessions: dict[str, Listener]) -> set[str]:
    return {key for key, listener in sessions.items() if not listener.may_listen()}


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, LiveHub]" = WeakKeyDictionary()


def hub() -> LiveHub:
    """The hub of this process (of its event loop)."""
    return _hubs.setdefault(asyncio.get_running_loop(), LiveHub())
