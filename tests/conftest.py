"""What do all tests share? The running services and a database that is used as the product uses it."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from pytest_django import DjangoDbBlocker

from apps.stack.services.embedded import EmbeddedServices
from tests import plugin


@pytest.fixture(scope="session")
def services() -> Iterator[EmbeddedServices]:
    """PostgreSQL, Valkey and the Qdrant gateway, running."""
    with plugin.services as running:
        yield running


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services: EmbeddedServices) -> None:
    """Any test that wants the database starts the services; the test database is made by the tables' owner."""
    from django.conf import settings

    owner = urlsplit(os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"]))
    settings.DATABASES["default"].update(USER=owner.username, PASSWORD=owner.password)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The tests themselves use the database as the product does: in the role that owns nothing."""
    from django.db import connection

    app = urlsplit(os.environ["DATABASE_URL"])
    owner = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # Tests that commit are cleaned up by TRUNCATE, which the product never does.
        cursor.execute(f'GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO "{app.username}"')
    connection.close()
    connection.settings_dict.update(USER=app.username, PASSWORD=app.password)
    os.environ["DATABASE_URL"] = app._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    yield
    connection.close()
    connection.settings_dict.update(owner)
