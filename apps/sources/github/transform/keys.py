"""Which issues does a pull request name? Candidate issue keys in branch, title, body and commit messages.

The warehouse makes a link only if a loaded issue has that key. So this rule may accept too much. It refuses only the
names of standards (UTF-8, SHA-256), and small letters where texts are long (``web-1`` is more often a host than a key).

An underscore may belong to a key or stand beside it: ``fix_PAY-12`` may name FIX_PAY-12 or PAY-12. Both become rows.
The shorter one knows the longer one: it makes a link only while no issue has the longer key.
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

_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?P<key>[A-Z][A-Z0-9_]{1,9}-[1-9][0-9]{0,6})(?![A-Za-z0-9]|\.[0-9])", re.IGNORECASE | re.ASCII
)
_CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b[\s:]{0,3}"  # GitHub's closing keywords
    r"[*_\[]{0,2}(?:https?://[^\s)\]]{0,200}/browse/)?"  # the key in bold letters, or as a link
    r"\Z",
    re.IGNORECASE,
)
_MAX_KEYWORD_DISTANCE = 230
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)  # the explanations of a pull request template


class _NamedKeys:
    """The rows so far, by key and evidence."""

    def __init__(self, pull_request: str, pull_request_url: str) -> None:
        self._owner = pull_request, pull_request_url
        self.rows: dict[tuple[str, str], PullRequestIssueLink] = {}

    def add(self, keys: list[str], evidence: str, excerpt: str) -> None:
        """Note the ``keys`` that one place may mean, the longest first."""
        pull_request, url = self._owner
        for number, key in enumerate(keys):
            longer = keys[:number]
            row = self.rows.get((key, evidence))
            if row:  # a key that once stands for itself needs no other place
                row.longer_keys = [other for other in row.longer_keys if other in longer]
                continue
            self.rows[key, evidence] = PullRequestIssueLink(
                external_id=f"{url or pull_request}|{key}|{evidence}",  # an address may be unreadable
                pull_request=pull_request,
                pull_request_url=url,
                issue_key=key,
                longer_keys=longer,
                evidence=evidence,
                excerpt=excerpt,
            )


def links(
    pull_request: str, pull_request_url: str, branch: str, title: str, body: str, messages: Iterable[str]
) -> list[PullRequestIssueLink]:
    """One row per distinct key and evidence; a key after a closing keyword is ``closing``, not ``body``."""
    named = _NamedKeys(pull_request, pull_request_url)
    for text, evidence in ((branch, "branch"), (title, "title")):
        for match in _matches(text):
            named.add(_keys(match, may_be_small=True), evidence, _excerpt(text, match))
    _add_body(named, body)
    for message in messages:
        subject = len(message.partition("\n")[0])
        for match in _matches(message):
            keys = _keys(match, may_be_small=match.end() <= subject or _is_closing(message, match))
            named.add(keys, "commit", _excerpt(message, match))
    return list(named.rows.values())


def _add_body(named: _NamedKeys, body: str) -> None:
    text = _HIDDEN.sub(" ", body) if "-" in body else ""
    for match in _matches(text):
        is_closing = _is_closing(text, match)
        named.add(_keys(match, may_be_small=is_closing), "closing" if is_closing else "body", _excerpt(text, match))
    for key, evidence in list(named.rows):
        if evidence == "closing":
            named.rows.pop((key, "body"), None)


def _matches(text: str) -> Iterator[re.Match[str]]:
    """The places that may name a key. Each match begins as far to the left as a key may."""
    return _KEY.finditer(text) if "-" in text else iter(())


def _keys(match: re.Match[str], *, may_be_small: bool) -> list[str]:
    """The keys that a place may mean, in capital letters, the longest first."""
    written = match["key"]
    starts = [0, *(place + 1 for place, letter in enumerate(written) if letter == "_")]
    keys = [key for start in starts if _KEY.fullmatch(key := written[start:]) and (may_be_small or key.isupper())]
    return [key.upper() for key in keys if key.partition("-")[0].upper() not in STANDARDS]


def _is_closing(text: str, match: re.Match[str]) -> bool:
    return bool(_CLOSING.search(text, max(0, match.start() - _MAX_KEYWORD_DISTANCE), match.start()))


def _excerpt(text: str, match: re.Match[str]) -> str:
    """The surroundings of a match on one line, at most :data:`MAX_EXCERPT` characters."""
    if len(text) <= MAX_EXCERPT:
        return one_line(text, MAX_EXCERPT)
    start = max(0, match.start() - (MAX_EXCERPT - len(match["key"])) // 2)
    return one_line(text[start : start + MAX_EXCERPT], MAX_EXCERPT)
