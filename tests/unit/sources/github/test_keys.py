"""Which texts name an issue, and which only look like it?"""

from itertools import product

import pytest

from apps.sources.github.transform.keys import MAX_EXCERPT, STANDARDS, links
from apps.sources.rows import PullRequestIssueLink

URL = "https://github.com/o/r/pull/1"


def rows(
    branch: str = "", title: str = "", body: str = "", messages: tuple[str, ...] = ()
) -> list[PullRequestIssueLink]:
    return links("7", URL, branch, title, body, messages)


def found(branch: str = "", title: str = "", body: str = "", messages: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    return {(row.issue_key, row.evidence) for row in rows(branch, title, body, messages)}


def longer(branch: str = "", title: str = "", body: str = "", messages: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """The longer keys of each key."""
    return {row.issue_key: row.longer_keys for row in rows(branch, title, body, messages)}


# --- where a key begins and ends ----------------------------------------------------------------------------------

BEFORE = ["", " ", "/", "-", ".", "(", "[", "#", ":", "_", "__", "feature/", "v1.2_", "2026_", "some_long_words_"]
AFTER = ["", " ", "/", "-", ".", ")", "]", ":", ",", "_", "__", "_2", "_add_login", "-and-more", ". Next", "/PAY"]


@pytest.mark.parametrize(("before", "after"), list(product(BEFORE, AFTER)))
def test_a_key_is_found_beside_anything_but_a_letter_or_digit(before: str, after: str) -> None:
    text = f"{before}PAY-12{after}"
    assert ("PAY-12", "branch") in found(branch=text)
    assert ("PAY-12", "title") in found(title=text)
    assert ("PAY-12", "body") in found(body=text)
    assert ("PAY-12", "commit") in found(messages=(text,))
    assert longer(title=f"{text} and PAY-12")["PAY-12"] == [], "it also stands for itself"


@pytest.mark.parametrize(
    "text", ["xPAY-12", "9PAY-12", "XPAY-12x", "PAY-12x", "pay-12lfr1m", "PAY-3.11", "PAY-1234567890"]
)
def test_a_key_inside_a_word_or_number_is_none(text: str) -> None:
    assert "PAY" not in {key.partition("-")[0] for key, _ in found(text, text, text, (text,))}


@pytest.mark.parametrize(
    ("branch", "key"),
    [
        ("feature/PAY-12-refund", "PAY-12"),
        ("pay-12", "PAY-12"),
        ("fix/K8S-7", "K8S-7"),
        ("user/feature-PAY-12", "PAY-12"),
        ("PAY-12_and_more", "PAY-12"),
        ("taskbranch/PAY-12_2", "PAY-12"),
        ("hotfix/v1.2_PAY-12", "PAY-12"),
        ("feature_login_pay-12", "PAY-12"),
        ("feature/utf-8-names", None),
        ("fix_utf-8", "FIX_UTF-8"),
        ("main", None),
        ("release/2026-11", None),
    ],
)
def test_a_branch_names_a_key_in_any_case(branch: str, key: str | None) -> None:
    assert ({name for name, _ in found(branch=branch)} & {key}) == ({key} if key else set())
    assert found(branch=branch) or not key


@pytest.mark.parametrize(
    "text",
    [
        *(f"{name}-8" for name in sorted(STANDARDS)),
        "Files are UTF-8",
        "digest sha-256",
        "CVE-2021-44228",
        "X-12",
        "_X-12",
        "PAY-0",
        "PAY-012",
        "PAY-",
        "2026-11",
        "_2026-11",
        "\N{KELVIN SIGN}PAY-",
    ],
)
def test_what_only_looks_like_a_key_is_none(text: str) -> None:
    assert found(text, text, text, (text,)) == set()


# --- an underscore may belong to the key --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("branch", "keys"),
    [
        ("fix_PAY-12", {"FIX_PAY-12": [], "PAY-12": ["FIX_PAY-12"]}),
        ("a/A_B_PAY-12_x", {"A_B_PAY-12": [], "B_PAY-12": ["A_B_PAY-12"], "PAY-12": ["A_B_PAY-12", "B_PAY-12"]}),
        ("1_PAY-12", {"PAY-12": []}),
        ("A_1_PAY-12", {"A_1_PAY-12": [], "PAY-12": ["A_1_PAY-12"]}),
        ("much_too_long_for_PAY-12", {"FOR_PAY-12": [], "PAY-12": ["FOR_PAY-12"]}),
        ("PAY-12_PAY-13", {"PAY-12": [], "PAY-13": []}),
        ("fix_PAY-12_or_PAY-12", {"FIX_PAY-12": [], "OR_PAY-12": [], "PAY-12": []}),
        ("fix_PAY-12-x-fix_PAY-12", {"FIX_PAY-12": [], "PAY-12": ["FIX_PAY-12"]}),
        ("fix_PAY-12/pay-12", {"FIX_PAY-12": [], "PAY-12": []}),
    ],
)  # fmt: skip
def test_a_shorter_key_knows_the_longer_ones_of_its_place(branch: str, keys: dict[str, list[str]]) -> None:
    assert longer(branch=branch) == keys


def test_small_letters_before_an_underscore_are_no_key_in_a_long_text() -> None:
    assert longer(body="see fix_PAY-12 and FIX_PAY-13") == {
        "PAY-12": [],
        "FIX_PAY-13": [],
        "PAY-13": ["FIX_PAY-13"],
    }


# --- small letters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["pay-12", "Pay-12", "PAY-12", "pAy-12"])
def test_small_letters_count_where_a_key_is_likely(key: str) -> None:
    assert found(branch=f"x/{key}") == {("PAY-12", "branch")}
    assert found(title=f"{key}: refuse empty carts") == {("PAY-12", "title")}
    assert found(title=f"Refuse empty carts ({key})") == {("PAY-12", "title")}
    assert found(body=f"Some words.\n\nFixes {key}") == {("PAY-12", "closing")}
    assert found(messages=(f"Refuse empty carts, {key}\n\nMore.",)) == {("PAY-12", "commit")}
    assert found(messages=(f"Refuse empty carts\n\nCloses {key}",)) == {("PAY-12", "commit")}


@pytest.mark.parametrize("text", ["It runs on web-1 and pay-12.", "pay-12", "Deploy to Web-1"])
def test_small_letters_in_a_long_text_are_no_key(text: str) -> None:
    assert found(body=text, messages=(f"Subject\n\n{text}",)) == set()


# --- evidence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["PAY-12: x", "[PAY-12] x", "x (PAY-12)", "x PAY-12.", "see https://jira/browse/PAY-12", "PAY-12_refuse"]
)
def test_a_title_names_a_key(text: str) -> None:
    assert found(title=text) == {("PAY-12", "title")}


@pytest.mark.parametrize(
    "text",
    [
        "Fixes PAY-12",
        "closed: PAY-12",
        "RESOLVES PAY-12",
        "fixes _PAY-12_",
        "fix [PAY-12](https://jira/browse/PAY-12)",
        "Resolved https://jira.example/browse/PAY-12",
    ],
)
def test_a_key_after_a_closing_keyword_is_closing_and_not_body(text: str) -> None:
    assert found(body=f"Some words.\n\n{text}") == {("PAY-12", "closing")}
    assert found(body=f"About PAY-12.\n\n{text}") == {("PAY-12", "closing")}


def test_a_key_apart_from_the_keyword_is_body() -> None:
    assert found(body="This fixes the cart. Part of PAY-12; prefixes PAY-13") == {
        ("PAY-12", "body"),
        ("PAY-13", "body"),
    }


def test_the_explanation_of_a_template_names_nothing() -> None:
    assert found(body="<!-- for example: Fixes PAY-1 -->\nFixes PAY-12 <!-- PAY-2") == {("PAY-12", "closing")}


def test_one_row_per_key_and_evidence() -> None:
    found = rows("pay-12", "PAY-12", "PAY-12 PAY-12", ("PAY-12 a", "PAY-12 b", "PAY-13"))
    assert [row.external_id for row in found] == [
        f"{URL}|PAY-12|branch",
        f"{URL}|PAY-12|title",
        f"{URL}|PAY-12|body",
        f"{URL}|PAY-12|commit",
        f"{URL}|PAY-13|commit",
    ]


def test_the_excerpt_is_short_clean_and_holds_the_key() -> None:
    (row,) = rows(body="a\x00 " * 900 + "\n\nsee PAY-12\n" + "\ud800z " * 900)
    assert len(row.excerpt) <= MAX_EXCERPT
    assert "PAY-12" in row.excerpt
    assert not {"\x00", "\ud800", "\n"} & set(row.excerpt)
