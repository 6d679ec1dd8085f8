"""What do the tests of live progress share? A running Jira run of a tenant, and members who watch it.

Messages are published after a commit: tests that listen to them take ``published`` or ``transactional_db``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from django.test import Client

from apps.progress import services
from apps.progress.choices import StageState
from apps.progress.events import RunMessage
from apps.progress.live import Change, announce
from apps.progress.selectors import run_of_tenant
from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import add_membership, create_user

PASSWORD = "correct horse battery staple"
PROJECTS = "jira_projects_and_issue_types"
ISSUES = "jira_issues_with_changelogs"

Begin = Callable[..., UUID]


@pytest.fixture
def begin() -> Begin:
    """``begin(tenant)``: a run that works; ``name``, ``job`` and ``mode`` may differ."""

    def make(tenant: Tenant, *, name: str = "Jira", job: int = 1, job_type: str = "jira", mode: str = "full") -> UUID:
        run = uuid4()
        services.begin(
            run, tenant_id=tenant.pk, job_id=job, job_name=name, job_type=job_type, mode=mode, overall="PENDING"
        )
        services.set_job_state(run, "RUNNING", message="Running")
        return run

    return make


@pytest.fixture
def run(acme: Tenant, begin: Begin) -> UUID:
    return begin(acme)


def member_of(tenant: Tenant, name: str = "ada") -> User:
    """A viewer of the tenant."""
    user = create_user(username=name, password=PASSWORD)
    add_membership(tenant=tenant, user=user, role=Role.VIEWER)
    return user


def browser_of(user: User) -> Client:
    """A browser in which this user is logged in."""
    browser = Client()
    browser.force_login(user)
    return browser


@dataclass
class Published:
    """What was announced, newest last, and what a page reads that asks at once."""

    changes: list[Change]
    messages: list[RunMessage]

    def of(self, run: UUID) -> list[RunMessage]:
        """The messages of one run."""
        return [message for message in self.messages if message.run == str(run)]


@pytest.fixture
def published(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Published:
    """Every change on its way to Redis, which still gets it."""
    heard = Published([], [])

    def tell(change: Change) -> None:
        message = run_of_tenant(change.tenant, UUID(change.run))
        assert message
        if message.seq == change.seq:
            message.type = change.kind
        heard.changes.append(change)
        heard.messages.append(message)
        announce(change)

    monkeypatch.setattr("apps.progress.stored.announce", tell)
    return heard


def count_issues(run: UUID, done: int, total: int = 0) -> None:
    """The extraction of the issues closes a batch with more of them."""
    services.count(run, ISSUES, Stage.EXTRACTION, done=done, total=total)


def finish_first_steps(run: UUID) -> None:
    """The first two steps of the Jira job are done."""
    steps = [(step.key, stage.value) for step in definition("jira").steps[:2] for stage in step.stages]
    services.mark(run, steps, StageState.FINISHED)
    services.refresh(run, is_state_change=True)
