"""Does a unit test fail that starts a process or connects to a service?"""

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
import pytest


def connect(host: str, port: int | None) -> None:
    with socket.socket() as probe:
        probe.connect((host, port))


REFUSALS: dict[str, Callable[[], object]] = {
    "subprocess": lambda: subprocess.run([sys.executable, "-c", ""], check=False),
    "system": lambda: os.system(":"),
    "fork": os.fork,
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "multiprocessing": lambda: multiprocessing.get_context("spawn").Process(target=print).start(),
    "PostgreSQL": lambda: psycopg.connect(os.environ["DATABASE_URL"]),
    "Valkey": lambda: connect("127.0.0.1", urlsplit(os.environ["REDIS_URL"]).port),
    "another machine": lambda: connect("192.0.2.1", 80),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_leaves_the_process_is_refused_with_a_sentence(what: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="start no process and use no service"):
        REFUSALS[what]()


def test_a_server_of_the_test_itself_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
