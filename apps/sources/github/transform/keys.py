"""Which issues does a pull request name? Candidate issue keys in branch, title, body and commit messages.

The warehouse makes a link only if a loaded issue has that key. So this rule may accept too much. It refuses only the
names of standards (UTF-8, SHA-256).
"""

import re
from collections.abc import Iterable, Iterator

from apps.sources.rows import PullRequestIssueLink
from apps.sources.text import one_line

STANDARDS = frozenset(
    {"AES", "CP", "CRC", "CVE", "CWE", "ECMA", "GHSA", "GMT", "HMAC", "HTTP", "HTTPS", "IEC", "IEEE", "ISO",
     "LATIN", "MD", "PEP", "RFC", "RSA", "SHA", "SSL", "TLS", "UCS", "UTC", "UTF"}
)  # fmt: skip
MAX_EXCERPT = 120

_KEY = r"(?<![A-Za-z0-9_])(?P<key>[A-Z][A-Z0-9_]{1,9}-[1-9][0-9]{0,6})(?![A-Za-z0-9_]|\.[0-9])"
_IN_TEXT = re.compile(_KEY)
_IN_BRANCH = re.compile(_KEY, re.IGNORECASE)  # people write branch names in lower case
_CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b[\s:]{0,3}"  # GitHub's closing keywords
    r"(?:\[|https?://[^\s)\]]{0,200}/browse/)?"  # the key as a link
    r"\Z",
    re.IGNORECASE,
)
_MAX_KEYWORD_DISTANCE = 230
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)  # the explanations of a pull request template


def links(
    pull_request: str, pull_request_url: str, branch: str, title: str, body: str, messages: Iterable[str]
) -> list[PullRequestIssueLink]:
    """One row per distinct key and evidence; a key after a closing keyword is ``closing``, not ``body``."""
    found: dict[tuple[str, str], str] = {}
    for key, excerpt in _candidates(_IN_BRANCH, branch):
        found.setdefault((key, "branch"), excerpt)
    for key, excerpt in _candidates(_IN_TEXT, title):
        found.setdefault((key, "title"), excerpt)
    for (key, evidence), excerpt in _in_body(body).items():
        found.setdefault((key, evidence), excerpt)
    for message in messages:
        for key, excerpt in _candidates(_IN_TEXT, message):
            found.setdefault((key, "commit"), excerpt)
    return [
        PullRequestIssueLink(
            external_id=f"{pull_request_url}|{key}|{evidence}",
            pull_request=pull_request,
            pull_request_url=pull_request_url,
            issue_key=key,
            evidence=evidence,
            excerpt=excerpt,
        )
        for (key, evidence), excerpt in found.items()
    ]


def _in_body(body: str) -> dict[tuple[str, str], str]:
    if "-" not in body:
        return {}
    text = _HIDDEN.sub(" ", body)
    closing: dict[str, str] = {}
    named: dict[str, str] = {}
    for match in _matches(_IN_TEXT, text):
        before = text[max(0, match.start() - _MAX_KEYWORD_DISTANCE) : match.start()]
        kind = closing if _CLOSING.search(before) else named
        kind.setdefault(match["key"], _excerpt(text, match))
    found = {(key, "closing"): excerpt for key, excerpt in closing.items()}
    found.update({(key, "body"): excerpt for key, excerpt in named.items() if key not in closing})
    return found


def _candidates(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    for match in _matches(pattern, text):
        yield match["key"].upper(), _excerpt(text, match)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    if "-" not in text:
        return
    for match in pattern.finditer(text):
        if match["key"].partition("-")[0].upper() not in STANDARDS:
            yield match


def _excerpt(text: str, match: re.Match[str]) -> str:
    """The surroundings of a match on one line, at most :data:`MAX_EXCERPT` characters."""
    if len(text) <= MAX_EXCERPT:
        return one_line(text, MAX_EXCERPT)
    start = max(0, match.start() - (MAX_EXCERPT - len(match["key"])) // 2)
    return one_line(text[start : start + MAX_EXCERPT], MAX_EXCERPT)
