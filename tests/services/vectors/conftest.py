"""Which data do the tests of the vectors use? A tenant with an integration, and issues in its loaded tables."""

from collections.abc import Callable, Sequence
from itertools import count

import pytest
from django.utils import timezone

from apps.integrations.models import Integration
from apps.stack.services.embedded import EmbeddedServices
from apps.tenants.models import Tenant
from apps.vectors import search, selectors, services
from apps.vectors.embedders import TextRefusedError, Vectors, current_embedder
from apps.vectors.services import EmbedReport, embed_documents
from apps.warehouse.models import Issue

_numbers = count(1)


class HookedEmbedder:
    """The embedder in use, but it calls ``before(texts)`` first. It refuses the word *forbidden*."""

    def __init__(self, before: Callable[[Sequence[str]], None]) -> None:
        self.real, self.before = current_embedder(), before
        self.name, self.dimension = self.real.name, self.real.dimension
        self.passage_size = self.real.passage_size

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.before(texts)
        if any("forbidden" in text for text in texts):
            raise TextRefusedError("This text is too much for the model.")
        return self.real.embed(texts)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Sequence[str]], None]], HookedEmbedder]:
    """``hook(before)``: from now on the product embeds with a :class:`HookedEmbedder`."""

    def install(before: Callable[[Sequence[str]], None]) -> HookedEmbedder:
        hooked = HookedEmbedder(before)
        for module in (services, selectors, search):
            monkeypatch.setattr(module, "current_embedder", lambda: hooked)
        return hooked

    return install


@pytest.fixture
def new_integration(services: EmbeddedServices, db: None) -> Callable[[], Integration]:
    """``new_integration()``: another integration of another tenant."""

    def create() -> Integration:
        slug = f"tenant-{next(_numbers)}"
        return Integration.across_tenants.create(
            tenant=Tenant.objects.create(slug=slug, name=slug),
            provider="jira",
            name="Jira",
            base_url="https://example.com",
        )

    return create


@pytest.fixture
def integration(new_integration: Callable[[], Integration]) -> Integration:
    return new_integration()


@pytest.fixture
def issue(integration: Integration) -> Callable[..., Issue]:
    """``issue("Summary", "Description", at=integration, column=value …)``: a loaded issue."""

    def create(summary: str, description: str = "", *, at: Integration = integration, **columns: object) -> Issue:
        number, now = next(_numbers), timezone.now()
        values = {"external_id": str(10_000 + number), "key": f"PAY-{number}", "project": "1"} | columns
        times = {"loaded_at": now, "created_at": now, "updated_at": now}
        return Issue.across_tenants.create(
            tenant_id=at.tenant_id,
            integration=at,
            summary=summary,
            description=description,
            **{**times, **values},
        )

    return create


@pytest.fixture
def embed() -> Callable[..., EmbedReport]:
    """``embed(issue, …)``: what a batch of the embedding stage does with issues of one integration."""

    def run(*issues: Issue) -> EmbedReport:
        return embed_documents(
            kind="issue",
            row_ids=[issue.pk for issue in issues],
            tenant_id=issues[0].tenant_id,
            integration_id=issues[0].integration_id,
        )

    return run
