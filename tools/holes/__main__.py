"""Does the product stay truthful when an answer has a hole? ``python -m tools.holes --help``."""

import argparse
import secrets
import sys
from pathlib import Path

from apps.stack.guardian import guard
from tests.processes import ROOT
from tools.holes import report
from tools.holes.options import Options
from tools.holes.suite import Suite


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.holes", description=__doc__)
    parser.add_argument("--kind", default="", help="only kinds of requests that this pattern finds")
    parser.add_argument("--hole", default="", help="only holes that this pattern finds")
    parser.add_argument("--scenario", default="", help="only scenarios that this pattern finds")
    parser.add_argument(
        "--seed", type=int, help="equal seeds give equal changes (random); an interrupted seed continues"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=0,
        help="so many holes for each kind in each scenario, as a quick selection (0: all)",
    )
    parser.add_argument("--slots", type=int, default=2, help="how many testbeds run side by side (2)")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var" / "holes", help="where results and logs go (var/holes)"
    )
    parser.add_argument("--report", action="store_true", help="write the table into docs/reliability.md")
    return parser.parse_args()


def main() -> int:
    """Try the cells; return 0 when all held."""
    asked = arguments()
    guard()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    folder = asked.folder / str(seed)
    wanted = (asked.scenario, asked.kind, asked.hole, asked.rounds)
    options = Options(str(folder.resolve()), seed, *wanted, slots=asked.slots)
    sys.stdout.write(f"Holes of seed {seed} on {asked.slots} slots; results and logs are in {folder}\n")
    found = [result for result in Suite(options).run() if options.wants(result.scenario, result.kind, result.hole)]
    if asked.report:
        report.write(found, seed)
    tried = [result for result in found if not result.reason]
    bad = sum(bool(result.problems) for result in tried)
    sys.stdout.write(f"{len(tried)} cells of seed {seed}: {len(tried) - bad} held, {bad} did not.\n")
    return 1 if bad or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
