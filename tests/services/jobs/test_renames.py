"""Are projects and repositories followed when they get other names: their rows, links, watermarks and choices?"""

from collections.abc import Sequence
from typing import Any

import pytest

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.jobs.lifecycle.run_request import WHAT_CHANGED, RunRequest, build_request, known_scopes
from apps.jobs.models import Run, Watermark
from apps.raw.models import RawRecord
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from apps.warehouse.models import Issue, Project, Repository
from apps.warehouse.selectors import issue_links
from tests.platform import Platform
from tests.processes import TOKEN

MAX_QUIET_REQUESTS = 16  # of a run of GitHub without changes: one for the newest workflow runs of each repository
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


def another(platform: Platform, slug: str, projects: Sequence[str] = (), repositories: Sequence[str] = ()) -> Platform:
    """Another tenant that reads the same servers; it has chosen its projects and repositories by name, or reads all."""
    tenant = create_tenant(slug=slug, name=slug.title())
    for provider, username, scopes in (("jira", "someone@example.com", projects), ("github", "", repositories)):
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
    return type(platform)(tenant, platform.sandbox, platform.folder)


def read(platform: Platform, provider: str, request: RunRequest = WHAT_CHANGED) -> tuple[Run, int]:
    """A run that must be complete, and the number of its requests."""
    platform.sandbox.control("reset-stats")
    run = platform.ended(services.start(platform.job(provider), actor="test", request=request))
    assert (run.error, run.skips, run.outcome) == ("", [], Outcome.COMPLETE)
    return run, platform.sandbox.served()


@pytest.fixture(scope="module")
def both(inline_platform: Platform) -> list[Platform]:
    """A tenant that reads everything, and one that has chosen its projects by name; all of it is loaded."""
    truth = inline_platform.sandbox.truth()
    tenants = [
        inline_platform,
        another(inline_platform, "choosing", list(truth["by_project"]), list(truth["by_repository"])),
    ]
    for each in tenants:
        read(each, "jira")
        read(each, "github")
    return tenants


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_with_a_new_key_keeps_its_links(both: list[Platform], kind: str) -> None:
    before = [links(each.tenant) for each in both]
    assert {evidence for _, evidence, _ in before[0]} == {"branch", "title", "body", "closing", "commit", "dev_panel"}
    (renamed,) = mutate(both[0], len(kind), "rename_project")
    for each, links_before in zip(both, before, strict=True):
        _, requests = read(each, "jira", KINDS[kind])
        if kind == "incremental":
            assert requests <= 10, "its issues are not read again"
        assert links(each.tenant) == links_before
        project = Project.objects.for_tenant(each.tenant).get(external_id=renamed["id"])
        issues = Issue.objects.for_tenant(each.tenant).filter(project=renamed["id"], deleted_at=None)
        assert {project.key, *(issue.key.partition("-")[0] for issue in issues)} == {renamed["to"]}
        check_names(each, "jira", renamed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_repository_with_a_new_name_keeps_its_links(both: list[Platform], kind: str) -> None:
    before = [links(each.tenant) for each in both]
    moved = mutate(both[0], 30 + len(kind), "rename_repository", "transfer_repository")
    for each, links_before in zip(both, before, strict=True):
        read(each, "github", KINDS[kind])
        if kind == "full":
            read(each, "jira", RunRequest(RunMode.FULL))  # the panels go on to have the former addresses
        assert links(each.tenant) == links_before
        for renamed in joined(moved):
            row = Repository.objects.for_tenant(each.tenant).get(external_id=str(renamed["id"]))
            assert row.full_name == renamed["to"]
            check_names(each, "github", renamed)


def mutate(platform: Platform, seed: int, *kinds: str) -> list[dict[str, Any]]:
    """Change one project or repository per kind; gives the old and the new names."""
    done = platform.sandbox.control("mutate", {"seed": seed, "share": 1e-9, "kinds": list(kinds)})["done"]
    assert set(done) == set(kinds)
    return [one for kind in kinds for one in done[kind]]


def joined(moved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One change per repository: the same one may have been renamed and then transferred."""
    first = {one["id"]: one["from"] for one in reversed(moved)}
    return [{"id": number, "from": first[number], "to": to} for number, to in {m["id"]: m["to"] for m in moved}.items()]


def check_names(platform: Platform, provider: str, renamed: dict[str, Any]) -> None:
    """The watermark has the new name, and a person may choose by both."""
    job, before, after = platform.job(provider), renamed["from"], renamed["to"]
    scopes = Watermark.objects.for_tenant(platform.tenant).values_list("scope", flat=True)
    assert after in scopes
    assert before not in scopes
    assert after in known_scopes(job)
    assert before not in known_scopes(job)
    assert build_request(job, RunMode.RANGE, scopes=[before.lower()]).scopes == (after,)


def test_a_range_of_what_is_named_by_a_former_name(both: list[Platform]) -> None:
    (project,) = mutate(both[0], 7, "rename_project")
    (repository,) = mutate(both[0], 8, "rename_repository")
    for each in both:
        for provider, renamed, kind in (("jira", project, "issue"), ("github", repository, "pull_request")):
            request = RunRequest(RunMode.RANGE, scopes=[renamed["from"]])
            run, _ = read(each, provider, request)
            assert run.announced[kind] > 0
            read(each, provider, build_request(each.job(provider), RunMode.RANGE, scopes=[renamed["from"]]))


@pytest.mark.parametrize("order", [("jira", "github"), ("github", "jira", "github")], ids="-".join)
def test_what_was_renamed_before_the_first_load_is_linked_as_well(both: list[Platform], order: tuple[str, ...]) -> None:
    """The panels name repositories by names that we have never seen: GitHub redirects."""
    fresh = another(both[0], "-".join(order))
    for provider in order:
        read(fresh, provider)
    assert links(fresh.tenant) == links(both[0].tenant)
    assert RawRecord.objects.for_tenant(fresh.tenant).filter(entity="former_name").exists()
    assert read(fresh, "github")[1] <= MAX_QUIET_REQUESTS, "a name is asked for once"
