"""How does every experiment begin from the same state? Copies of all tables are stored and put back, with their ids."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from apps.stack.services.postgres import Postgres

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"


class Snapshots:
    """Copies of all tables, one schema per name; the superuser makes them and puts them back."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection]:
        """A connection of the superuser, in a transaction."""
        with psycopg.connect(self._postgres.url("postgres")) as connection:
            yield connection

    def execute(self, statement: str | sql.Composed) -> None:
        """Execute one statement as the superuser, outside a transaction."""
        with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def take(self, name: str) -> None:
        """Store the present state as ``name``."""
        with self.superuser() as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
            for table in self._tables(connection):
                self._do(connection, "CREATE TABLE {copy} AS TABLE {table}", name, table)

    def put_back(self, name: str) -> None:
        """Restore the state that is stored as ``name``. Sequences continue, so that no id is used twice."""
        with self.superuser() as connection:
            # This role ignores foreign keys and triggers, so the order of the tables does not matter.
            connection.execute("SET LOCAL session_replication_role = replica")
            tables = self._tables(connection)
            # Without the locks the scheduler could see half of the state.
            names = sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
            for table in tables:
                self._do(connection, "DELETE FROM {table}", name, table)
                self._do(connection, "INSERT INTO {table} SELECT * FROM {copy}", name, table)

    def _tables(self, connection: psycopg.Connection) -> list[str]:
        return [table for (table,) in connection.execute(_TABLES)]

    def _do(self, connection: psycopg.Connection, statement: str, schema: str, table: str) -> None:
        names = {"table": sql.Identifier("public", table), "copy": sql.Identifier(schema, table)}
        connection.execute(sql.SQL(statement).format(**names))
