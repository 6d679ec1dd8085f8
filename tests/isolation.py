"""How do unit and contract tests stay alone? They fail when they start a process or connect to a service."""

import multiprocessing.process
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest

_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.exec"}
_SERVICES = ("DATABASE_URL", "REDIS_URL", "QDRANT_URL")
_HOME = ("127.0.0.1", "::1", "localhost")
_state = {"is_alone": False, "is_watching": False}
# Threads that an earlier test of another kind has left.
_bystanders: set[int | None] = set()


def _refuse(what: str) -> NoReturn:
    pytest.fail(
        f"{what}: tests/unit and tests/contract start no process and use no service. Move it to tests/services."
    )


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: Python tells it before a process starts and before a socket connects."""
    if not _state["is_alone"] or threading.get_ident() in _bystanders:
        return
    if event in _STARTS:
        _refuse(f"A process starts ({arguments[0] if arguments else event})")
    if event == "socket.connect" and isinstance(address := arguments[1], tuple):
        ports = {urlsplit(os.environ[name]).port for name in _SERVICES}
        if address[0] not in _HOME or address[1] in ports:
            _refuse(f"A socket connects to {address[0]}:{address[1]}")


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process and no service for the test."""
    if "services" in request.fixturenames:
        _refuse("The fixture services is used, perhaps by the database")
    if not _state["is_watching"]:
        sys.addaudithook(_watch)  # for ever: a hook cannot be removed
        _state["is_watching"] = True
    # Neither is audited: PostgreSQL's own library connects, and multiprocessing can start a process without a fork.
    monkeypatch.setattr("psycopg.connect", lambda *_, **__: _refuse("PostgreSQL is connected"))
    monkeypatch.setattr(
        multiprocessing.process.BaseProcess, "start", lambda _: _refuse("A process of multiprocessing starts")
    )
    _bystanders.clear()
    _bystanders.update(thread.ident for thread in threading.enumerate() if thread is not threading.current_thread())
    _state["is_alone"] = True
    yield
    _state["is_alone"] = False
