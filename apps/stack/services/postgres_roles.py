"""Which roles does the embedded database have, and what may each do?

``etl_owner`` owns the database and its tables, and may create databases (for tests). ``etl_app`` only uses them. The
rights are put into ``template1`` first, so every database that is made from it has them, also those of the tests.
"""

import psycopg
from psycopg import sql

OWNER, APP, DATABASE = "etl_owner", "etl_app", "etl"

_TEMPLATE_RIGHTS = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT ALL ON SCHEMA public TO {owner}",
    "GRANT USAGE ON SCHEMA public TO {app}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT USAGE ON SEQUENCES TO {app}",
)
# The product analyzes tables after a first load. Older versions have no such right.
_MAINTAIN = "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT MAINTAIN ON TABLES TO {app}"
_MAINTAIN_SINCE = 170000
_DATABASE_RIGHTS = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}",
)
_NAMES = {"owner": sql.Identifier(OWNER), "app": sql.Identifier(APP), "database": sql.Identifier(DATABASE)}


def ensure_roles(connection: psycopg.Connection[tuple[object, ...]], passwords: dict[str, str]) -> None:
    """Make roles, rights and database through a superuser's autocommit ``connection`` to ``template1``.

    It may be repeated: what exists stays, and each role gets the given password (role name → password).
    """
    for role, attributes in ((OWNER, "LOGIN CREATEDB"), (APP, "LOGIN")):
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        verb = "ALTER" if known is not None else "CREATE"
        # The server logs statements that fail, so it gets the verifier, never the password.
        verifier = connection.pgconn.encrypt_password(passwords[role].encode(), role.encode(), b"scram-sha-256")
        statement = sql.SQL("{verb} ROLE {role} {attributes} PASSWORD {verifier}").format(
            verb=sql.SQL(verb),
            role=sql.Identifier(role),
            attributes=sql.SQL(attributes),
            verifier=sql.Literal(verifier.decode()),
        )
        connection.execute(statement)
    if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
        _run(connection, _TEMPLATE_RIGHTS)
        if connection.info.server_version >= _MAINTAIN_SINCE:
            _run(connection, (_MAINTAIN,))
        _run(connection, ("CREATE DATABASE {database} OWNER {owner}",))
    _run(connection, _DATABASE_RIGHTS)


def _run(connection: psycopg.Connection[tuple[object, ...]], statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.execute(sql.SQL(statement).format(**_NAMES))
