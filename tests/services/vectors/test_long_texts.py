"""Is everything found that stands in a long text, and does a document stay one hit, whatever becomes of its text?"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from apps.integrations.models import Integration
from apps.jobs.proof.counting import Texts
from apps.vectors import services
from apps.vectors.embedders import current_embedder
from apps.vectors.models import Embedding
from apps.vectors.passages import MAX_DOCUMENT_CHARS
from apps.vectors.reconcile import reconcile
from apps.vectors.search import MAX_EXCERPT_LENGTH, search, similar
from apps.vectors.selectors import orphans, pending, verify
from apps.vectors.services import EmbedReport, remove
from apps.vectors.store import Address, Passage, Store, belonging_to
from apps.vectors.text_counts import count_texts
from apps.warehouse.models import Issue

NewIssue = Callable[..., Issue]
Embed = Callable[..., EmbedReport]
Hook = Callable[[Callable[[Sequence[str]], None]], Any]

# Sentences that nothing else in the tests is about, and the words of a search for each.
SENTENCES = {
    "The heat pump firmware bricks itself whenever the barometer reads below 950 hectopascal.": (
        "heat pump firmware bricks barometer hectopascal"
    ),
    "Blue whales in the aquarium refuse plankton after the second sunset.": "blue whales aquarium plankton sunset",
    "The violin needs new strings before the orchestra plays Sibelius.": "violin strings orchestra Sibelius",
}
# What the other texts are made of.
SUBJECTS = ("The export", "A nightly job", "The invoice page", "Every user", "The login service", "Our cache")
VERBS = ("writes", "loses", "compares", "shows", "retries", "forgets")
OBJECTS = ("one file per account", "the bank statement", "all totals", "the same report twice", "its session")
LENGTHS = (200, 1_000, 3_600, 5_200, 20_000, MAX_DOCUMENT_CHARS - 400)


def prose(length: int, seed: int) -> str:
    """Sentences about ordinary work, in lines and paragraphs, of ``length`` characters together."""
    chance = random.Random(seed)
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        words = chance.choice(SUBJECTS), chance.choice(VERBS), chance.choice(OBJECTS)
        parts.append(" ".join(words) + chance.choice((". ", "; ", ".\n", ".\n\n")))
    return "".join(parts)[:length]


def placed(sentence: str, place: str, length: int) -> str:
    """The sentence before, in the middle of or behind ``length`` characters of other text."""
    other = prose(length, seed=length)
    return {
        "before": f"{sentence} {other}",
        "middle": f"{other[: length // 2]} {sentence} {other[length // 2 :]}",
        "behind": f"{other}\n\n{sentence}",
    }[place]


def points(integration: Integration) -> set[Passage]:
    """All points of the tenant's issues."""
    store = Store(current_embedder().name)
    return {passage for page in store.passages(integration.tenant_id, integration.pk, "issue") for passage in page}


def numbers_of(issue: Issue, integration: Integration) -> list[int]:
    """The numbers of an issue's passages that have a point."""
    return sorted(
        passage.number for passage in points(integration) if passage.document.external_id == issue.external_id
    )


@pytest.fixture
def others(issue: NewIssue, embed: Embed) -> list[Issue]:
    """Thirty issues about ordinary work, some of them long."""
    issues = [issue(f"Report {number} is late", prose(100 * number, seed=number)) for number in range(30)]
    embed(*issues)
    return issues


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("place", ["before", "middle", "behind"])
@pytest.mark.usefixtures("others")
def test_a_sentence_is_found_wherever_it_stands(
    issue: NewIssue, embed: Embed, integration: Integration, place: str, length: int
) -> None:
    for sentence, words in SENTENCES.items():
        wanted = issue("Nothing special", placed(sentence, place, length))
        embed(wanted)
        hits = search(integration.tenant, words, limit=100)
        assert hits[0].key == wanted.key, [(round(hit.score, 2), hit.title) for hit in hits[:5]]
        assert len(hits) == len({hit.key for hit in hits})
        assert sentence in hits[0].excerpt
        assert len(hits[0].excerpt) <= MAX_EXCERPT_LENGTH + 2
        Issue.across_tenants.filter(pk=wanted.pk).delete()


def test_the_limit_counts_documents(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    sentence, words = next(iter(SENTENCES.items()))
    long = [issue(f"All about it {number}", f"{sentence} " * 150) for number in range(3)]
    short = [issue(f"In short {number}", sentence) for number in range(4)]
    embed(*long, *short)
    for limit in (1, 3, 5, 7, 50):
        hits = search(integration.tenant, words, limit=limit)
        assert len({hit.key for hit in hits}) == len(hits) == min(limit, 7)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_long_issue_is_not_similar_to_itself(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    one, other = issue("Invoices", prose(5_000, seed=1)), issue("Invoices again", prose(4_000, seed=2))
    embed(one, other)
    assert [hit.key for hit in similar(integration.tenant, one.key, limit=1)] == [other.key]
    assert [hit.key for hit in similar(integration.tenant, one.key, limit=100)] == [other.key]


def test_a_shorter_text_loses_its_surplus_points(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    sentence, words = next(iter(SENTENCES.items()))
    one, other = issue("Shrinks", placed(sentence, "behind", 5_000)), issue("Stays", prose(2_000, seed=3))
    embed(one, other)
    before = len(numbers_of(other, integration))
    assert len(numbers_of(one, integration)) > 15
    for length in (3_000, 400, 0, 1_500):
        one.description = prose(length, seed=4)
        one.save()
        assert embed(one, other) == EmbedReport(embedded=1, unchanged=1)
        row = Embedding.objects.for_tenant(integration.tenant_id).get(external_id=one.external_id)
        assert numbers_of(one, integration) == list(range(row.passages))
    assert all(sentence not in hit.excerpt for hit in search(integration.tenant, words))
    assert len(numbers_of(other, integration)) == before
    assert verify(integration.tenant_id) == []


@pytest.mark.parametrize("by", ["batch", "vectorization"])
def test_a_deleted_document_loses_all_its_points(
    issue: NewIssue, embed: Embed, integration: Integration, by: str
) -> None:
    one, other = issue("Goes", prose(5_000, seed=5)), issue("Stays", prose(2_000, seed=6))
    embed(one, other)
    Issue.across_tenants.filter(pk=one.pk).delete()
    if by == "batch":
        assert embed(one, other) == EmbedReport(unchanged=1, removed=1)
    else:
        assert [remove(integration.tenant_id, page) for page in orphans(integration.tenant_id)] == [1]
    assert {passage.document.external_id for passage in points(integration)} == {other.external_id}
    assert verify(integration.tenant_id) == []


def test_new_payloads_reach_every_passage(issue: NewIssue, embed: Embed, hook: Hook, integration: Integration) -> None:
    one = issue("Long", prose(3_000, seed=7))
    embed(one)
    hook(lambda texts: pytest.fail(f"embedded again: {texts}"))
    one.key = "OTHER-1"
    one.save()
    assert embed(one) == EmbedReport(refreshed=1)
    store = Store(current_embedder().name)
    found, _ = store._client.scroll(store.collection, belonging_to(integration.tenant_id), limit=1_000)
    payloads = [point.payload or {} for point in found]
    assert {payload["key"] for payload in payloads} == {"OTHER-1"}
    assert sorted(payload["passage"] for payload in payloads) == list(range(len(payloads)))
    assert len(payloads) > 5


def test_a_document_without_one_of_its_points_is_embedded_again(
    issue: NewIssue, embed: Embed, integration: Integration
) -> None:
    tenant_id = integration.tenant_id
    one, other = issue("Loses a point", prose(3_000, seed=8)), issue("Keeps all", prose(3_000, seed=9))
    embed(one, other)
    store = Store(current_embedder().name)
    store.delete(Address(tenant_id, integration.pk, "issue", one.external_id).passages([4]))
    (difference,) = verify(tenant_id)
    assert (difference.documents, difference.embeddings, difference.passages - difference.points) == (2, 2, 1)
    assert reconcile(tenant_id)[0] == 1
    assert [page.row_ids for page in pending(tenant_id)] == [[one.pk]]
    embed(one)
    assert verify(tenant_id) == []


def test_points_that_no_row_knows_are_removed(issue: NewIssue, embed: Embed, integration: Integration) -> None:
    tenant_id = integration.tenant_id
    one = issue("Has a point too many", prose(3_000, seed=10))
    embed(one)
    before = points(integration)
    store = Store(current_embedder().name)
    stray = Address(tenant_id, integration.pk, "issue", one.external_id).passages([len(before)])
    store.upsert([(stray[0], {})], current_embedder().embed(["left by a worker that was killed"]))
    assert len(verify(tenant_id)) == 1
    assert reconcile(tenant_id) == (0, 1)
    assert points(integration) == before


def test_the_shortest_text_wins_when_two_batches_cross(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    one = issue("Old words", prose(5_000, seed=11))
    overtaken: list[bool] = []

    def another_worker(_texts: Sequence[str]) -> None:
        if not overtaken:
            overtaken.append(True)
            Issue.across_tenants.filter(pk=one.pk).update(description="New words")
            embed(one)

    hook(another_worker)
    assert embed(one) == EmbedReport(embedded=1)
    assert numbers_of(one, integration) == [0]
    assert verify(integration.tenant_id) == []


def test_documents_with_one_point_are_found_until_they_are_embedded_again(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    tenant_id = integration.tenant_id
    sentence, words = next(iter(SENTENCES.items()))
    one = issue("Heat pump", placed(sentence, "behind", 3_000))
    hook(lambda _texts: None).passage_size = 100_000
    embed(one)
    # As a release without passages has left it: no number in the payload, nothing about a preparation in the row.
    store = Store(current_embedder().name)
    store._client.delete_payload(
        store.collection, ["passage"], [Address(tenant_id, integration.pk, "issue", one.external_id).point_id]
    )
    Embedding.objects.for_tenant(tenant_id).update(preparation="")
    hook(lambda _texts: None)

    def texts() -> list[tuple[int, int, list[str] | None]]:
        return [(line.number, line.embedded, line.ids) for line in count_texts(tenant_id, integration.pk, None)]

    (before,) = search(integration.tenant, words)
    assert before.key == one.key
    assert [page.row_ids for page in pending(tenant_id)] == [[one.pk]]
    assert texts() == [(1, 0, [one.external_id])]
    (difference,) = verify(tenant_id)
    assert (difference.documents, difference.embeddings, difference.passages, difference.points) == (1, 0, 1, 1)
    assert reconcile(tenant_id) == (0, 0)

    assert embed(one) == EmbedReport(embedded=1)
    assert texts() == [(1, 1, None)]
    assert verify(tenant_id) == []
    assert numbers_of(one, integration)[0] == 0
    (after,) = search(integration.tenant, words)
    assert after.score > before.score + 0.2


def test_huge_texts_are_embedded_in_small_parts(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    sentence, words = next(iter(SENTENCES.items()))
    sizes: list[int] = []
    hook(lambda texts: sizes.append(sum(map(len, texts))))
    huge = [issue(f"Huge {number}", prose(20_000, seed=number) * 150) for number in range(12)]
    start = issue("Huge", placed(sentence, "before", 20_000) * 150)
    assert embed(*huge, start).embedded == 13
    # Titles and overlaps add up to half of a text.
    assert max(sizes) < 1.5 * (services.MAX_CHARS_IN_MEMORY + MAX_DOCUMENT_CHARS)
    assert sum(sizes) < 1.5 * 13 * MAX_DOCUMENT_CHARS
    assert search(integration.tenant, words)[0].key == start.key
    assert verify(integration.tenant_id) == []


def test_a_document_with_a_refused_passage_is_reported_and_not_counted(
    issue: NewIssue, embed: Embed, hook: Hook, integration: Integration
) -> None:
    bad, good = issue("Bad", placed("This is forbidden.", "middle", 3_000)), issue("Good", prose(3_000, seed=12))
    hook(lambda _texts: None)
    report = embed(bad, good)
    assert (report.embedded, [one.external_id for one in report.failures]) == (1, [bad.external_id])
    assert numbers_of(bad, integration) == []
    assert count_texts(integration.tenant_id, integration.pk, {"issue": [bad.pk, good.pk]}) == [
        Texts("issue", "", 2, 1, 0, 0, 1, [bad.external_id])
    ]
