"""How do browsers follow the runs of their tenant? Subscribe first, then the snapshot, then newer states.

Every socket keeps the newest state of each run that it has still to send and sends one message at a time: a slow
browser gets fewer messages, never older ones. Where states were merged on the way, the message is a ``snapshot``, so
that a gap in ``seq`` always means a loss.
"""

import asyncio
import json
from importlib import import_module
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from apps.progress.hub import LiveState, hub
from apps.progress.selectors import run_of_tenant
from apps.tenants.current import chosen_tenant
from apps.tenants.selectors import role_in

CLOSE_ANONYMOUS = 4401
CLOSE_NO_TENANT = 4403
CLOSE_TOO_SLOW = 4408
# The socket of a browser that takes no message for this long is closed. The browser reconnects by itself.
MAX_SEND_SECONDS = 30.0
# A browser that connects with this query gets arrays: all states that wait for it in one frame.
BUNDLED = b"bundled"
MAX_BUNDLED_MESSAGES = 100
# A browser of ours never has more open questions than this.
MAX_REPLIES = 20
USAGE = 'Ask {"type": "sync", "run": "<uuid>"}.'


class JobsConsumer(AsyncWebsocketConsumer):
    """``/ws/jobs/``: the runs of the tenant that the user has chosen."""

    tenant_id = 0
    session_key = ""
    is_bundled = False
    # False after we have closed the socket: nothing is sent to it any more.
    is_listening = False

    async def connect(self) -> None:
        """Join the hub, which offers the state of every current run first, and then every change."""
        user = self.scope.get("user")
        await self.accept()
        if user is None or not user.is_authenticated:
            await self.close(code=CLOSE_ANONYMOUS)
            return
        tenant = await database_sync_to_async(chosen_tenant)(user, self.scope["session"])
        if tenant is None:
            await self.close(code=CLOSE_NO_TENANT)
            return
        self.states: dict[str, LiveState] = {}
        self.sent: dict[str, int] = {}
        self.repeat: set[str] = set()
        self.replies: list[str] = []
        self.work = asyncio.Event()
        self.is_bundled = self.scope["query_string"] == BUNDLED
        self.session_key = str(self.scope["session"].session_key)
        self.tenant_id, self.is_listening = tenant.pk, True
        self.writer = asyncio.create_task(self._write(), name="socket writer")
        await hub().join(self.tenant_id, self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket; it leaves the hub, however it ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.tenant_id:
                self.writer.cancel()
                await hub().leave(self.tenant_id, self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """``{"type": "sync", "run": uuid}`` asks for the whole state of a run again."""
        try:
            request = json.loads(text_data or "")
            run_id = UUID(request["run"]) if request["type"] == "sync" else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            run_id = None
        if not self.is_listening:
            return
        if run_id is None:
            self._reply(USAGE)
            return
        message = await database_sync_to_async(run_of_tenant)(self.tenant_id, run_id)
        if message is None:
            self._reply(f"There is no run {run_id}.")
            return
        self.repeat.add(message.run)
        self.offer(LiveState(message))

    # --- what the hub calls -------------------------------------------------------------------------------------

    def offer(self, state: LiveState) -> None:
        """Send this state unless a newer one waits or has been sent; the same one again only when asked for."""
        if not self.is_listening:
            return
        known = self.states.get(state.run)
        sent = self.sent.get(state.run, 0)
        if known is not None and known.seq >= state.seq:
            return
        if state.seq > sent or (state.seq == sent and state.run in self.repeat):
            self.states[state.run] = state
            self.work.set()

    def may_listen(self) -> bool:
        """Whether the session still belongs to an active member of the tenant."""
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        return role_in(get_user(request), self.tenant_id) is not None

    async def eject(self) -> None:
        """The person is no member any more: close, and send nothing more until the browser has noticed."""
        if self.is_listening:
            self.writer.cancel()
            await self._end(CLOSE_NO_TENANT)

    # --- one frame at a time ------------------------------------------------------------------------------------

    def _reply(self, sentence: str) -> None:
        if len(self.replies) < MAX_REPLIES:
            self.replies.append(json.dumps({"v": 1, "type": "error", "message": sentence}))
            self.work.set()

    async def _write(self) -> None:
        try:
            while True:
                await self.work.wait()
                self.work.clear()
                while self.replies or self.states:
                    await asyncio.wait_for(self.send(text_data=self._next()), MAX_SEND_SECONDS)
        except TimeoutError:
            await self._end(CLOSE_TOO_SLOW)
        except OSError:
            # The browser has gone; its disconnect message is on its way.
            self.is_listening = False

    async def _end(self, code: int) -> None:
        self.is_listening = False
        await self.close(code=code)

    def _next(self) -> str:
        if not self.is_bundled:
            return self._next_message()
        frame = [self._next_message()]
        while (self.replies or self.states) and len(frame) < MAX_BUNDLED_MESSAGES:
            frame.append(self._next_message())
        return f"[{','.join(frame)}]"

    def _next_message(self) -> str:
        if self.replies:
            return self.replies.pop(0)
        run = next(iter(self.states))
        state = self.states.pop(run)
        follows = state.seq == self.sent.get(run, 0) + 1 and run not in self.repeat
        self.sent[run] = state.seq
        self.repeat.discard(run)
        return state.body if follows else state.as_snapshot
