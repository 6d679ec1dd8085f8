"""Which texts name an issue, and which only look like it?"""

import pytest

from apps.sources.github.transform.keys import MAX_EXCERPT, links

URL = "https://github.com/o/r/pull/1"


def found(branch: str = "", title: str = "", body: str = "", messages: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    return {(row.issue_key, row.evidence) for row in links("7", URL, branch, title, body, messages)}


@pytest.mark.parametrize(
    ("branch", "key"),
    [
        ("feature/PAY-12-refund", "PAY-12"),
        ("pay-12", "PAY-12"),
        ("fix/K8S-7", "K8S-7"),
        ("user/feature-PAY-12", "PAY-12"),
        ("PAY-12_and_more", None),
        ("feature/utf-8-names", None),
        ("main", None),
        ("release/2026-11", None),
    ],
)
def test_a_branch_names_a_key_in_any_case(branch: str, key: str | None) -> None:
    assert found(branch=branch) == ({(key, "branch")} if key else set())


@pytest.mark.parametrize(
    "text",
    [
        "Files are UTF-8",
        "digest SHA-256",
        "answered HTTP-404",
        "ISO-8601 dates",
        "see RFC-7231",
        "TLS-13",
        "CVE-2021-44228",
        "pay-12 in small letters",
        "X-12",
        "PAY-0",
        "PAY-012",
        "PAY-",
        "XPAY-12x",
        "_PAY-12",
        "PAY-3.11",
        "2026-11",
    ],
)
def test_what_only_looks_like_a_key_is_none(text: str) -> None:
    assert found(title=text, body=text, messages=(text,)) == set()


@pytest.mark.parametrize(
    "text", ["PAY-12: x", "[PAY-12] x", "x (PAY-12)", "x PAY-12.", "see https://jira/browse/PAY-12"]
)
def test_a_title_names_a_key(text: str) -> None:
    assert found(title=text) == {("PAY-12", "title")}


@pytest.mark.parametrize(
    "text",
    [
        "Fixes PAY-12",
        "closed: PAY-12",
        "RESOLVES PAY-12",
        "fix [PAY-12](https://jira/browse/PAY-12)",
        "Resolved https://jira.example/browse/PAY-12",
    ],
)
def test_a_key_after_a_closing_keyword_is_closing_and_not_body(text: str) -> None:
    assert found(body=f"Some words.\n\n{text}") == {("PAY-12", "closing")}


def test_a_key_apart_from_the_keyword_is_body() -> None:
    assert found(body="This fixes the cart. Part of PAY-12; prefixes PAY-13") == {
        ("PAY-12", "body"),
        ("PAY-13", "body"),
    }


def test_the_explanation_of_a_template_names_nothing() -> None:
    assert found(body="<!-- for example: Fixes PAY-1 -->\nFixes PAY-12 <!-- PAY-2") == {("PAY-12", "closing")}


def test_one_row_per_key_and_evidence() -> None:
    rows = links("7", URL, "pay-12", "PAY-12", "PAY-12 PAY-12", ["PAY-12 a", "PAY-12 b", "PAY-13"])
    assert [row.external_id for row in rows] == [
        f"{URL}|PAY-12|branch",
        f"{URL}|PAY-12|title",
        f"{URL}|PAY-12|body",
        f"{URL}|PAY-12|commit",
        f"{URL}|PAY-13|commit",
    ]


def test_the_excerpt_is_short_clean_and_holds_the_key() -> None:
    (row,) = links("7", URL, "", "", "a\x00 " * 900 + "\n\nsee PAY-12\n" + "\ud800z " * 900, [])
    assert len(row.excerpt) <= MAX_EXCERPT
    assert "PAY-12" in row.excerpt
    assert not {"\x00", "\ud800", "\n"} & set(row.excerpt)
