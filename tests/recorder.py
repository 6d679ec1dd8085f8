"""How do tests receive the messages of open pages? They listen to the tenant's live channel."""

import os
import threading
from types import TracebackType
from typing import Any, Self

import msgspec
from redis import Redis

from apps.progress.live import tenant_group


class Recorder:
    """All messages to the pages of a tenant while the block runs, in order."""

    def __init__(self, tenant_id: int) -> None:
        self.messages: list[dict[str, Any]] = []
        self._channel = f"asgi__group__{tenant_group(tenant_id)}"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._ready = threading.Event()

    def _listen(self) -> None:
        with (
            Redis.from_url(os.environ["REDIS_URL"]) as client,
            client.pubsub(ignore_subscribe_messages=True) as channel,
        ):
            channel.subscribe(self._channel)
            self._ready.set()
            while not self._done.is_set():
                heard = channel.get_message(timeout=0.2)
                if heard:
                    self.messages.append(msgspec.json.decode(msgspec.msgpack.decode(heard["data"])["body"]))

    def of_run(self, run: object) -> list[dict[str, Any]]:
        """The messages about one run, in the order of their numbers."""
        return sorted((m for m in self.messages if m["run"] == str(run)), key=lambda message: int(message["seq"]))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
