"""How do browsers follow the runs of their tenant? Subscribe first, then the snapshot, then newer states.

A socket gets the newest state of each run at most every 250 ms: a slow browser gets fewer messages, never older ones.
Where states were merged on the way, the message is a ``snapshot``, so that a gap in ``seq`` always means a loss.
"""

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from apps.progress.live import tenant_group
from apps.progress.selectors import live_runs, run_of_tenant
from apps.tenants.current import chosen_tenant

INTERVAL = 0.25  # seconds
CLOSE_ANONYMOUS = 4401
CLOSE_NO_TENANT = 4403


class JobsConsumer(AsyncWebsocketConsumer):
    """``/ws/jobs/``: the runs of the tenant that the user has chosen."""

    group = ""
    tenant_id = 0

    async def connect(self) -> None:
        """Join the tenant's group, then send the state of every run that matters now."""
        user = self.scope["user"]
        await self.accept()
        if not user.is_authenticated:
            await self.close(code=CLOSE_ANONYMOUS)
            return
        tenant = await database_sync_to_async(chosen_tenant)(user, self.scope["session"])
        if tenant is None:
            await self.close(code=CLOSE_NO_TENANT)
            return
        self.pending: dict[str, dict[str, Any]] = {}
        self.sent: dict[str, int] = {}
        self.flushing: asyncio.Task[None] | None = None
        self.tenant_id, self.group = tenant.pk, tenant_group(tenant.pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        for message in await database_sync_to_async(live_runs)(tenant.pk):
            await self._send_state(message.run, message.seq, msgspec.json.encode(message).decode())

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)
            if self.flushing:
                self.flushing.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """``{"type": "sync", "run": uuid}`` asks for the whole state of a run again."""
        try:
            request = json.loads(text_data or "")
            run_id = UUID(request["run"]) if request["type"] == "sync" else None
        except (ValueError, KeyError, TypeError, AttributeError):
            run_id = None
        if run_id is None:
            await self.send(json.dumps({"v": 1, "type": "error", "message": 'Ask {"type": "sync", "run": "<uuid>"}.'}))
            return
        message = await database_sync_to_async(run_of_tenant)(self.tenant_id, run_id)
        if message is None:
            await self.send(json.dumps({"v": 1, "type": "error", "message": f"There is no run {run_id}."}))
            return
        await self._send_state(message.run, message.seq, msgspec.json.encode(message).decode())

    async def run_message(self, event: dict[str, Any]) -> None:
        """A new state of a run: send it now or, shortly after the last one, with the next flush."""
        waiting = self.pending.get(event["run"])
        if event["seq"] > max(self.sent.get(event["run"], 0), waiting["seq"] if waiting else 0):
            self.pending[event["run"]] = event
            if self.flushing is None or self.flushing.done():
                self.flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        while self.pending:
            pending, self.pending = self.pending, {}
            for run, event in pending.items():
                body = event["body"]
                if event["seq"] != self.sent.get(run, 0) + 1:
                    body = json.dumps(json.loads(body) | {"type": "snapshot"})
                await self._send_state(run, event["seq"], body)
            await asyncio.sleep(INTERVAL)

    async def _send_state(self, run: str, seq: int, body: str) -> None:
        self.sent[run] = max(seq, self.sent.get(run, 0))
        await self.send(text_data=body)
