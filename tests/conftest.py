"""What do all tests share? The running services, and a test database that they use as the product uses its own."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pytest_django import DjangoDbBlocker

from apps.stack.services.embedded import EmbeddedServices
from tests import plugin


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow tests with real runs first, so that quick tests fill the end of a parallel run."""
    items.sort(key=lambda item: "sandbox" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def services() -> Iterator[EmbeddedServices]:
    """PostgreSQL, Valkey and the Qdrant gateway, running."""
    with plugin.services as running:
        yield running


@pytest.fixture(scope="session")
def django_db_setup(
    services: EmbeddedServices, django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The test database: the owner of the tables makes it, and the tests use it with the role that owns nothing."""
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    app, owner = _role("DATABASE_URL"), _role("DATABASE_OWNER_URL")
    # Without the product's options: a transaction of a test may take long.
    connection.settings_dict.update(owner, OPTIONS={})
    with django_db_blocker.unblock():
        config = setup_databases(verbosity=0, interactive=False, aliases={"default": None})
        with connection.cursor() as cursor:
            # Django cleans up after tests that commit with TRUNCATE, which the product never uses.
            cursor.execute(f'GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO "{app["USER"]}"')
        _connect_as(app)
        # For the workers and servers that the tests start.
        url = urlsplit(os.environ["DATABASE_URL"])
        os.environ["DATABASE_URL"] = url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        yield
        _connect_as(owner)
        teardown_databases(config, verbosity=0)


def _role(variable: str) -> dict[str, str | None]:
    url = urlsplit(os.environ.get(variable, os.environ["DATABASE_URL"]))
    return {"USER": url.username, "PASSWORD": url.password}


def _connect_as(role: dict[str, str | None]) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict.update(role)
