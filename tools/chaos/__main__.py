"""Does the product survive every fault? ``python -m tools.chaos --help``: seeded faults disturb real runs."""

import argparse
import secrets
import sys
from pathlib import Path

from apps.stack.guardian import guard
from apps.stack.services import rabbitmq
from tests.processes import ROOT
from tools.chaos import report
from tools.chaos.results import Result
from tools.chaos.suite import Suite

BROKERS = ("redis", "rabbitmq")


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--broker", choices=BROKERS, help="only with this broker (both)")
    parser.add_argument("--faults", type=int, default=200, help="how many per broker (200)")
    parser.add_argument("--first", type=int, default=1, help="number of the first fault (1), to repeat one")
    parser.add_argument(
        "--seed", type=int, help="equal seeds give equal faults (random); an interrupted seed continues"
    )
    parser.add_argument("--slots", type=int, default=4, help="how many testbeds run side by side (4)")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAULT", help="faults by name")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var" / "chaos", help="where results and logs go (var/chaos)"
    )
    parser.add_argument("--report", action="store_true", help="write the table into docs/reliability.md")
    return parser.parse_args()


def main() -> int:
    """Run all faults with each broker; return 0 when all held."""
    asked = arguments()
    guard()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    found: list[Result] = []
    for broker in [asked.broker] if asked.broker else BROKERS:
        if broker == "rabbitmq" and (reason := rabbitmq.available()):
            sys.stdout.write(f"Left out: {reason}\n")
            continue
        folder = asked.folder / "-".join([broker, str(seed), *asked.only])
        found += Suite(folder, broker, seed, asked.first, asked.faults, asked.only).run(asked.slots)
    if asked.report:
        report.write(found, seed)
    bad = sum(bool(result.problems) for result in found)
    sys.stdout.write(f"{len(found)} faults of seed {seed}: {len(found) - bad} held, {bad} did not.\n")
    return 1 if bad or not found else 0


if __name__ == "__main__":
    sys.exit(main())
