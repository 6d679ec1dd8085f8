"""How does the baseline read a provider and fill plain tables? With the standard library and COPY.

It has no retries, no queue, no mapping and no progress.
"""

import http.client
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.processes import TOKEN

T = TypeVar("T")
R = TypeVar("R")

# Answers: each with a label that says what it is. Tables: per table its columns and rows.
Answers = list[tuple[str, bytes]]
Cells = tuple[str | None, ...]
Tables = dict[str, tuple[tuple[str, ...], list[Cells]]]

CONNECTIONS = 32
BASIC = b64encode(f"someone@example.com:{TOKEN}".encode()).decode()
HEADERS = {
    "jira": {"Authorization": f"Basic {BASIC}", "Content-Type": "application/json"},
    "github": {"Authorization": f"Bearer {TOKEN}", "User-Agent": "bench", "Content-Type": "application/json"},
}


class Reader:
    """Asks one provider, with one connection per thread; ``requests`` counts."""

    def __init__(self, base_url: str, provider: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._path, self._headers = parts.netloc, parts.path, HEADERS[provider]
        self._own = threading.local()
        self.requests = 0

    def ask(self, path: str, body: Any = None) -> bytes:
        """The answer to a GET, or to a POST of ``body`` as JSON. A connection that the server closed is renewed."""
        sent = None if body is None else json.dumps(body)
        try:
            status, content = self._send(path, sent)
        except (ConnectionError, http.client.HTTPException):
            self._own.connection.close()
            status, content = self._send(path, sent)
        self.requests += 1
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {content[:200]!r}")
        return content

    def _send(self, path: str, body: str | None) -> tuple[int, bytes]:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(self._host, timeout=60)
        self._own.connection.request("POST" if body else "GET", self._path + path, body, self._headers)
        answer = self._own.connection.getresponse()
        return answer.status, answer.read()


def at_once(call: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Call ``call`` for all things on :data:`CONNECTIONS` threads."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(call, things))


def upsert(database: str, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Load a plain table of texts, keyed by ``id``: COPY into a staging table, then INSERT … ON CONFLICT."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    texts = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns)
    parts = {"table": sql.Identifier(table), "stage": sql.Identifier(f"stage_{table}"), "names": names, "texts": texts}
    sets = [sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in columns if name != "id"]
    parts["sets"] = sql.SQL(", ").join(sets)
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {table} ({texts}, PRIMARY KEY (id))").format(**parts))
        cursor.execute(sql.SQL("CREATE TEMPORARY TABLE {stage} ({texts}) ON COMMIT DROP").format(**parts))
        with cursor.copy(sql.SQL("COPY {stage} ({names}) FROM STDIN").format(**parts)) as copy:
            for row in rows:
                copy.write_row(row)
        insert = "INSERT INTO {table} ({names}) SELECT {names} FROM {stage} ON CONFLICT (id) DO UPDATE SET {sets}"
        cursor.execute(sql.SQL(insert).format(**parts))


def storable(text: str | None) -> str | None:
    """The text without NUL characters, which PostgreSQL refuses."""
    return text.replace("\x00", "") if text else text
