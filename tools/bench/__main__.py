"""Which measurements can be made? ``python -m tools.bench --help``."""

import argparse
import sys
import tempfile
from pathlib import Path

from apps.stack.guardian import guard
from tests.processes import ROOT
from tools.bench.testbed import Testbed

CHOICES = ("A", "B", "micro", "memory")


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--issues", type=int, default=5000, help="issues of workload A (5000)")
    parser.add_argument("--prs", type=int, default=500, help="pull requests of workload B (500)")
    parser.add_argument(
        "--memory-issues",
        type=int,
        nargs="+",
        default=[3_000, 30_000],
        help="issues of a measure of memory (3000 30000)",
    )
    parser.add_argument("--latency", type=int, nargs="+", default=[0, 50], help="milliseconds per answer (0 50)")
    parser.add_argument("--repeat", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--no-peers", action="store_true", help="leave out the peer")
    parser.add_argument("--beside", action="store_true", help="embed while records are loaded, not afterwards")
    parser.add_argument(
        "--only", nargs="+", choices=CHOICES, default=CHOICES[:3], help="all but memory, which takes long"
    )
    parser.add_argument("--profile", choices=("jira", "github"), help="list the hot spots of one job instead")
    return parser.parse_args()


def main() -> None:
    """Bring the services up, measure, and write the report to ``var/bench``."""
    asked = arguments()
    results = ROOT / "var" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="testbed-", dir=results))
    guard(folder)
    testbed = Testbed(folder)
    with testbed.running():
        # Imported only now: the product's settings need the addresses of the services.
        from tools.bench import bench

        sys.stdout.write(bench.profiles(testbed, asked) if asked.profile else bench.report(testbed, asked, results))


if __name__ == "__main__":
    main()
