"""Which data do the tests of the pages use? A tenant with a running Jira job, its users, and another tenant."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from apps.integrations.models import Integration
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.models import Job, Run
from apps.stack.services.embedded import EmbeddedServices
from apps.tenants.models import Role, Tenant
from apps.tenants.services import add_membership, create_tenant, create_user


@pytest.fixture(autouse=True)
def forget_health() -> None:
    cache.clear()


@pytest.fixture
def acme(services: EmbeddedServices, db: None) -> Tenant:
    return create_tenant(slug="acme", name="Acme")


@pytest.fixture
def new_job(db: None) -> Callable[[Tenant, str], Job]:
    """``new_job(tenant, "jira")``: a job of a new integration with this name."""

    def create(tenant: Tenant, name: str) -> Job:
        integration = Integration.across_tenants.create(
            tenant=tenant, provider="jira", name=name, base_url="https://jira.example.com"
        )
        return create_job(integration)

    return create


@pytest.fixture
def job(acme: Tenant, new_job: Callable[[Tenant, str], Job]) -> Job:
    return new_job(acme, "acme-jira")


@pytest.fixture
def run(job: Job) -> Run:
    """A running run. Nothing is committed, so no worker gets a message."""
    return services.start(job, actor="ada", reason="Because of a test")


@pytest.fixture
def foreign_run(new_job: Callable[[Tenant, str], Job]) -> Run:
    """A run of a tenant of which no user here is a member."""
    return services.start(new_job(create_tenant(slug="globex", name="Globex"), "globex-jira"), actor="zoe")


@pytest.fixture
def browser_of(acme: Tenant) -> Callable[[Role], Client]:
    """``browser_of(Role.VIEWER)``: a browser in which a member with this role is logged in."""

    def open_browser(role: Role) -> Client:
        user = create_user(username=f"some-{role}", password="correct horse battery staple")
        add_membership(tenant=acme, user=user, role=role)
        browser = Client()
        browser.force_login(user)
        return browser

    return open_browser


@pytest.fixture
def viewer(browser_of: Callable[[Role], Client]) -> Client:
    return browser_of(Role.VIEWER)


@pytest.fixture
def operator(browser_of: Callable[[Role], Client]) -> Client:
    return browser_of(Role.OPERATOR)
