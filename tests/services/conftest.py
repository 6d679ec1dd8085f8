"""Which tenants do the tests with real services have?"""

import pytest

from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant


@pytest.fixture
def acme(db: None) -> Tenant:
    return create_tenant(slug="acme", name="Acme")


@pytest.fixture
def globex(db: None) -> Tenant:
    return create_tenant(slug="globex", name="Globex")
