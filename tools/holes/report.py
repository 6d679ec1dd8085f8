"""What does docs/reliability.md say of holes? The table of kinds of requests × holes, with outcome and healing."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.processes import ROOT
from tools.holes.columns import HOLES
from tools.holes.results import Result

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- holes: make holes writes what follows -->", "<!-- end of the holes -->"


def write(found: list[Result], seed: int) -> None:
    """Write the table of these results into the page, between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(found, seed)}\n{END}{after}", encoding="utf-8")


def table(found: list[Result], seed: int) -> str:
    """A summary sentence, one table per kind of request with a row per hole, and the reasons of what does not apply."""
    runs = sum(not result.reason for result in found)
    found = [single for result in found for single in result.singles]
    tried = [result for result in found if not result.reason]
    bad = sum(bool(result.problems) for result in tried)
    sums = (
        f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}: {len(tried):,} cells in {runs:,} disturbed runs; "
        f"{len(tried) - bad:,} held, {bad:,} did not."
    )
    lines = [f"{sums}\n\n| request | hole | outcome → healed by |\n|---|---|---|\n"]
    for kind in dict.fromkeys(result.kind for result in found):
        of_kind = [result for result in found if result.kind == kind]
        lines += [f"| `{kind}` | {hole} | {text} |\n" for hole, text in _rows(of_kind)]
    return "".join(lines)


def _rows(found: list[Result]) -> Iterable[tuple[str, str]]:
    """The holes with equal results in one row."""
    by_text: dict[str, list[str]] = {}
    for hole in dict.fromkeys([*(each.name for each in HOLES), *(result.hole for result in found)]):
        own = [result for result in found if result.hole == hole]
        if own:
            by_text.setdefault(_text(own), []).append(hole or "none")
    return [(", ".join(holes), text) for text, holes in by_text.items()]


def _text(found: list[Result]) -> str:
    reasons = list(dict.fromkeys(result.reason for result in found))
    if all(reasons):
        return f"does not apply: {'; '.join(reasons)}"
    counted = Counter(_cell(result) for result in found if not result.reason)
    return ", ".join(f"{text}" for text, _ in counted.most_common())


def _cell(result: Result) -> str:
    if result.problems:
        return "**does not hold**"
    return result.outcome if result.healed == "at once" else f"{result.outcome} → {result.healed}"
