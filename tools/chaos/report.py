"""What does docs/reliability.md say? The measured table of fault × broker × outcome × recovery time."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median

from tests.processes import ROOT
from tools.chaos.catalogue import BROKERS, FAULTS
from tools.chaos.results import Result

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- measured: make chaos writes what follows -->", "<!-- end of what was measured -->"
HEAD = (
    "| fault | broker | faults | what became of the runs | cost, median | cost, worst | bound |\n"
    "|---|---|---:|---|---:|---:|---:|\n"
)


def write(found: list[Result], seed: int) -> None:
    """Write the table of these results into the page, between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(found, seed)}\n{END}{after}", encoding="utf-8")


def table(found: list[Result], seed: int) -> str:
    """A summary sentence and the table."""
    bad = sum(bool(result.problems) for result in found)
    counted = Counter(result.broker for result in found)
    each = " and ".join(f"{counted[broker]} with {broker}" for broker in BROKERS if counted[broker])
    sums = f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}: {each}; {len(found) - bad} held, {bad} did not."
    lines = [
        _line(
            fault.what, broker, fault.bound, [one for one in found if (one.fault, one.broker) == (fault.name, broker)]
        )
        for fault in FAULTS
        for broker in BROKERS
    ]
    return f"{sums}\n\n{HEAD}{''.join(lines)}"


def _line(what: str, broker: str, bound: float, found: list[Result]) -> str:
    if not found:
        return ""
    costs = [result.cost_s for result in found if result.outcome] or [0.0]
    return (
        f"| {what} | {broker} | {len(found)} | {_outcomes(found)} "
        f"| {median(costs):.1f} s | {max(costs):.1f} s | {bound:.0f} s |\n"
    )


def _outcomes(found: Iterable[Result]) -> str:
    counted = Counter("**did not hold**" if result.problems else result.outcome for result in found)
    return ", ".join(f"{count} {outcome}" for outcome, count in counted.most_common())
