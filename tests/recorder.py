"""How do tests receive the messages of open pages? They listen to the live channel and read each changed run."""

import os
import threading
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from django.db import connection
from redis import Redis

from apps.progress.live import CHANNEL, DECODER, Change
from apps.progress.selectors import run_of_tenant

Message = dict[str, Any]


class Recorder:
    """All changes of a tenant's runs while the block runs, and the messages that a quick page gets for them."""

    def __init__(self, tenant_id: int) -> None:
        self.changes: list[Change] = []
        self._messages: dict[tuple[str, int], Message] = {}
        self._tenant_id = tenant_id
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._ready = threading.Event()

    def _listen(self) -> None:
        with (
            Redis.from_url(os.environ["REDIS_URL"]) as client,
            client.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            channel.subscribe(CHANNEL)
            self._ready.set()
            while not self._done.is_set():
                heard = channel.get_message(timeout=0.2)
                if heard:
                    self._hear(DECODER.decode(heard["data"]))
        connection.close()

    def _hear(self, change: Change) -> None:
        if change.tenant != self._tenant_id:
            return
        self.changes.append(change)
        message = run_of_tenant(change.tenant, UUID(change.run))
        assert message
        if message.seq == change.seq:
            message.type = change.kind
        self._messages.setdefault((message.run, message.seq), message.as_json())

    def numbers_of(self, run: object) -> list[int]:
        """The numbers of the changes of one run that were announced, in order."""
        return sorted(change.seq for change in self.changes if change.run == str(run))

    @property
    def messages(self) -> list[Message]:
        """All messages, in the order in which they were heard."""
        return list(self._messages.values())

    def of_run(self, run: object) -> list[Message]:
        """The messages about one run, in the order of their numbers."""
        return [message for (of, _), message in sorted(self._messages.items()) if of == str(run)]

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
