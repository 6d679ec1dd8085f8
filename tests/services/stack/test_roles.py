"""What may the two roles of the embedded database do, and what not?"""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from apps.stack.services.embedded import EmbeddedServices
from apps.stack.services.postgres import Postgres
from apps.stack.services.postgres_roles import APP, DATABASE, OWNER


@pytest.fixture
def postgres(services: EmbeddedServices) -> Postgres:
    assert services.postgres
    return services.postgres


@pytest.fixture(params=[DATABASE, "made_by_owner"])
def database(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    name: str = request.param
    with psycopg.connect(postgres.url(OWNER), autocommit=True) as connection:
        if name != DATABASE:
            connection.execute("CREATE DATABASE made_by_owner")
        with psycopg.connect(postgres.url(OWNER, name)) as inside:
            inside.execute("CREATE TABLE things (id bigserial PRIMARY KEY, name text)")
        yield name
        with psycopg.connect(postgres.url(OWNER, name)) as inside:
            inside.execute("DROP TABLE things")
        if name != DATABASE:
            connection.execute("DROP DATABASE made_by_owner")


def test_the_app_uses_tables_sequences_and_temporary_tables(postgres: Postgres, database: str) -> None:
    with psycopg.connect(postgres.url(APP, database)) as connection:
        inserted = connection.execute("INSERT INTO things (name) VALUES ('a') RETURNING id").fetchone()
        connection.execute("UPDATE things SET name = 'b' WHERE id = %s", inserted)
        connection.execute("CREATE TEMPORARY TABLE loading (LIKE things) ON COMMIT DROP")
        assert connection.execute("SELECT name FROM things").fetchall() == [("b",)]
        connection.execute("DELETE FROM things")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int)",
        "DROP TABLE things",
        "ALTER TABLE things ADD COLUMN more int",
        "TRUNCATE things",
        "CREATE SCHEMA more",
        "CREATE DATABASE more",
        "CREATE ROLE more",
        "ALTER TABLE things DISABLE ROW LEVEL SECURITY",
        "SET ROLE etl_owner",
        "COPY things FROM PROGRAM 'true'",
    ],
)
def test_the_app_changes_nothing_but_rows(postgres: Postgres, database: str, statement: str) -> None:
    with (
        psycopg.connect(postgres.url(APP, database), autocommit=True) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_the_owner_is_no_superuser(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(OWNER), autocommit=True) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = %s",
            [OWNER],
        )
        assert row.fetchone() == (False, False, True, False)
        for statement in ("CREATE ROLE more", "COPY (SELECT 1) TO PROGRAM 'true'"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)
