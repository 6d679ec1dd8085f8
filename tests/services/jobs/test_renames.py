"""Are projects and repositories followed when they get other names: their rows, links, watermarks and choices?"""

from typing import Any

import pytest

from apps.core.crypto import Secret
from apps.integrations.models import Integration
from apps.integrations.services import add_integration
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import WHAT_CHANGED, RunRequest, build_request, known_scopes
from apps.jobs.models import Job, Run, Watermark
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from apps.warehouse.models import Issue, Project
from apps.warehouse.selectors import issue_links
from tests.platform import Platform
from tests.processes import TOKEN

SANDBOX = {"issues": 60, "prs": 24}
KINDS = {
    "incremental": WHAT_CHANGED,
    "sweep": RunRequest(sweep=True),
    "full": RunRequest(RunMode.FULL),
}
Links = set[tuple[str, str, str | None]]


def links(tenant: Tenant) -> Links:
    """The links of a tenant: issue, evidence, pull request."""
    return set(issue_links(tenant).values_list("issue__external_id", "evidence", "pull_request__external_id"))


def choosing(platform: Platform, projects: list[str]) -> Platform:
    """Another tenant that reads the same servers, but has chosen its projects by name."""
    tenant = create_tenant(slug="choosing", name="Choosing")
    for provider, username, scopes in (("jira", "someone@example.com", projects), ("github", "", [])):
        integration = add_integration(
            tenant=tenant,
            provider=provider,
            name=provider,
            base_url=platform.sandbox.url(provider),
            username=username,
            token=Secret(TOKEN),
            scopes=scopes,
        )
        create_job(integration)
    return Platform(tenant, platform.sandbox, platform.folder)


def read(platform: Platform, provider: str, request: RunRequest = WHAT_CHANGED) -> tuple[Run, int]:
    """A run that must be complete, and the number of its requests."""
    platform.sandbox.control("reset-stats")
    run = platform.ended(services.start(platform.job(provider), actor="test", request=request))
    assert (run.error, run.skips, run.outcome) == ("", [], Outcome.COMPLETE)
    return run, platform.sandbox.served()


def integration_of(job: Job) -> Integration:
    assert job.integration
    return job.integration


@pytest.fixture(scope="module")
def both(platform: Platform) -> list[Platform]:
    """A tenant that reads everything, and one that has chosen its projects by name; all of it is loaded."""
    keys = list(platform.sandbox.truth()["by_project"])
    tenants = [platform, choosing(platform, keys)]
    for each in tenants:
        read(each, "jira")
        read(each, "github")
    return tenants


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_with_a_new_key_keeps_its_links(both: list[Platform], kind: str) -> None:
    platform, _ = both
    before = [links(each.tenant) for each in both]
    assert {evidence for _, evidence, _ in before[0]} >= {"branch", "title", "body", "closing", "commit", "dev_panel"}
    renamed = rename_project(platform, seed=len(kind))
    for each, links_before in zip(both, before, strict=True):
        job = each.job("jira")
        _, requests = read(each, "jira", KINDS[kind])
        if kind == "incremental":
            assert requests <= 10, "its issues are not read again"
        assert links(each.tenant) == links_before
        follow(each, job, renamed)
        assert read(each, "jira")[0].counts["loaded"]["issue"] == each.sandbox.truth()["issues"]


def rename_project(platform: Platform, seed: int) -> dict[str, Any]:
    order = {"seed": seed, "share": 0, "kinds": ["rename_project"]}
    (renamed,) = platform.sandbox.control("mutate", order)["done"]["rename_project"]
    answer: dict[str, Any] = renamed
    return answer


def follow(platform: Platform, job: Job, renamed: dict[str, Any]) -> None:
    """Everything has the new name: the rows, the watermark, and what a person may choose, also by the former name."""
    before, after = renamed["from"], renamed["to"]
    assert Project.objects.for_tenant(platform.tenant).get(external_id=renamed["id"]).key == after
    issues = Issue.objects.for_tenant(platform.tenant).filter(project=renamed["id"], deleted_at=None)
    assert {issue.key.partition("-")[0] for issue in issues} == {after}
    scopes = Watermark.objects.for_tenant(platform.tenant).values_list("scope", flat=True)
    assert after in scopes
    assert before not in scopes
    assert after in known_scopes(job)
    assert before not in known_scopes(job)
    assert build_request(job, RunMode.RANGE, scopes=[before.lower()]).scopes == (after,)


def test_a_range_of_a_project_that_is_named_by_its_former_key(both: list[Platform]) -> None:
    for each in both:
        job = each.job("jira")
        former = rename_project(each, seed=7)["from"]
        request = RunRequest(RunMode.RANGE, scopes=[former])
        run, _ = read(each, "jira", request)
        assert run.announced["issue"] > 0
        read(each, "jira", build_request(job, RunMode.RANGE, scopes=[former]))
