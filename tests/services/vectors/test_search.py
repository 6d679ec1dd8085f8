"""Does a search find the documents with that meaning, and none of another tenant?"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.integrations.models import Integration
from apps.tenants.models import Tenant
from apps.vectors.search import MAX_EXCERPT_LENGTH, SearchError, search, similar
from apps.vectors.services import EmbedReport, embed_documents
from apps.warehouse.models import Issue, PullRequest

NewIssue = Callable[..., Issue]
Embed = Callable[..., EmbedReport]

# Titles in the tracker, and how a person who does not know these words would ask for them.
PARAPHRASES = {
    "Users cannot log in after a password reset": "sign-in broken when passwords change",
    "Checkout times out when the cart holds over 100 items": "payment hangs with many products in basket",
    "Invoice PDF shows the wrong currency symbol": "bill document displays incorrect money sign",
    "Nightly database backup fails with disk full": "no space left for the scheduled database dump",
    "Search results are missing newly created issues": "new tickets do not appear when searching",
    "Mobile app crashes on start with Android 15": "application closes at once on the latest Android phones",
    "E-mail notifications are sent twice": "people receive duplicate mails",
    "Dark theme: text is unreadable on the settings page": "low contrast in night mode preferences",
    "Add CSV export to the report screen": "download the report as a spreadsheet",
    "API returns 500 when the request body is empty": "server error for a request without content",
    "Upgrade the TLS certificates before they expire": "renew SSL certs that are about to run out",
    "Docker image is too large, reduce its size": "make the container smaller",
}


@pytest.fixture
def tracker(issue: NewIssue, embed: Embed) -> dict[str, Issue]:
    issues = {summary: issue(summary) for summary in PARAPHRASES}
    assert embed(*issues.values()).embedded == len(PARAPHRASES)
    return issues


def test_at_least_nine_of_twelve_paraphrases_find_their_issue_first(
    tracker: dict[str, Issue], integration: Integration
) -> None:
    first = {asked: search(integration.tenant, asked, limit=1)[0].title for asked in PARAPHRASES.values()}
    right = [summary for summary, asked in PARAPHRASES.items() if first[asked] == summary]
    assert len(right) >= 9, sorted(set(PARAPHRASES) - set(right))


def test_hits_come_best_first_with_their_texts(tracker: dict[str, Issue], integration: Integration) -> None:
    hits = search(integration.tenant_id, "Users cannot log in", limit=3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    wanted = tracker["Users cannot log in after a password reset"]
    assert (hits[0].kind, hits[0].key, hits[0].title) == ("issue", wanted.key, wanted.summary)


def test_the_excerpt_is_short_and_from_the_present_text(
    issue: NewIssue, embed: Embed, integration: Integration
) -> None:
    one = issue("Log-in fails", "first\nline " + "word " * 100)
    embed(one)
    Issue.across_tenants.filter(pk=one.pk).update(summary="Log-in fails often")
    (hit,) = search(integration.tenant, "log-in")
    assert hit.title == "Log-in fails often"
    assert hit.excerpt.startswith("first line word word")
    assert hit.excerpt.endswith("word …")
    assert len(hit.excerpt) <= MAX_EXCERPT_LENGTH + 2


def test_another_tenants_documents_are_never_found(
    issue: NewIssue, embed: Embed, integration: Integration, new_integration: Callable[[], Integration]
) -> None:
    secret = issue("The secret plan", at=new_integration())
    embed(secret)
    embed(issue("Something else"))
    assert [hit.title for hit in search(integration.tenant, "The secret plan", limit=100)] == ["Something else"]
    with pytest.raises(SearchError, match="There is no issue"):
        similar(integration.tenant, secret.key)


def test_a_document_that_was_deleted_meanwhile_is_no_hit(tracker: dict[str, Issue], integration: Integration) -> None:
    gone = tracker["E-mail notifications are sent twice"]
    Issue.across_tenants.filter(pk=gone.pk).delete()
    assert gone.summary not in {hit.title for hit in search(integration.tenant, gone.summary)}


def test_filters_narrow_the_search(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    old, new = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    embed(
        issue("Log-in fails", key="PAY-9001", updated_at=old),
        issue("Log-in fails", key="WEB-9002", updated_at=new),
    )
    pull_request = PullRequest.across_tenants.create(
        tenant_id=integration.tenant_id,
        integration=integration,
        external_id="pr-1",
        repository="acme/web",
        number=7,
        title="Log-in fails no longer",
        loaded_at=new,
        created_at=old,
        updated_at=new,
    )
    embed_documents(
        kind="pull_request",
        row_ids=[pull_request.pk],
        tenant_id=integration.tenant_id,
        integration_id=integration.pk,
    )

    def found(**filters: Any) -> list[str]:
        return sorted(hit.key for hit in search(integration.tenant, "log-in", **filters))

    assert len(found()) == 3
    assert found(kinds=["issue"]) == ["PAY-9001", "WEB-9002"]
    assert found(since=datetime(2025, 6, 1, tzinfo=UTC), kinds=["issue"]) == ["WEB-9002"]
    assert found(author="nobody") == []


def test_similar_issues_without_the_issue_itself(tracker: dict[str, Issue], integration: Integration) -> None:
    one = tracker["Invoice PDF shows the wrong currency symbol"]
    hits = similar(integration.tenant, one.key.lower(), limit=3)
    assert len(hits) == 3
    assert one.key not in {hit.key for hit in hits}


def test_an_issue_that_is_not_embedded_yet_is_an_error(issue: NewIssue, integration: Integration) -> None:
    with pytest.raises(SearchError, match="not embedded yet: run the Vectorization job"):
        similar(integration.tenant, issue("Log-in fails").key)


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_a_blank_search_text_is_an_error(integration: Integration, blank: str) -> None:
    with pytest.raises(SearchError, match="what to look for"):
        search(integration.tenant, blank)


def test_an_unreachable_qdrant_is_an_error(integration: Integration, settings: Settings) -> None:
    settings.QDRANT_URL = "http://127.0.0.1:9"
    with pytest.raises(SearchError, match="Check QDRANT_URL"):
        search(integration.tenant, "log-in")


def test_the_error_about_a_wrong_key_does_not_show_it(integration: Integration, settings: Settings) -> None:
    settings.QDRANT_API_KEY = "a-wrong-key"
    with pytest.raises(SearchError, match="Check QDRANT_API_KEY") as caught:
        search(integration.tenant, "log-in")
    assert "a-wrong-key" not in str(caught.value)


def test_the_command_prints_one_json_object(tracker: dict[str, Issue], integration: Integration) -> None:
    out = StringIO()
    slug = Tenant.objects.get(pk=integration.tenant_id).slug
    call_command("search", "people receive duplicate mails", tenant=slug, limit=1, json=True, stdout=out)
    (hit,) = json.loads(out.getvalue())["hits"]
    assert hit["title"] == "E-mail notifications are sent twice"
    assert set(hit) == {"score", "kind", "key", "title", "excerpt", "payload"}


def test_the_command_says_which_tenant_it_needs(
    integration: Integration, new_integration: Callable[[], Integration]
) -> None:
    new_integration()
    with pytest.raises(CommandError, match="--tenant SLUG"):
        call_command("search", "log-in")
    with pytest.raises(CommandError, match="no tenant 'nobody'"):
        call_command("search", "log-in", tenant="nobody")
