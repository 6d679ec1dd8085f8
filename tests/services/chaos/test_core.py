"""Does a disturbed run come to the same end as an undisturbed one? The quickest faults of ``make chaos``."""

import subprocess
import sys

import pytest

from tests.processes import ROOT
from tools.chaos import results
from tools.chaos.results import Result

FAULTS = ("kill-child", "flush-redis", "race-stop")
SEED = 109  # all of them strike the Jira job


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """The result of each fault; one slot makes them all on its own services."""
    folder = tmp_path_factory.mktemp("chaos")
    options = {"--broker": "redis", "--slots": "1", "--seed": SEED, "--faults": len(FAULTS), "--folder": folder}
    words = [str(word) for pair in options.items() for word in pair]
    suite = subprocess.run(
        [sys.executable, "-m", "tools.chaos", *words, "--only", *FAULTS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(suite.stdout + suite.stderr)
    (of_suite,) = folder.glob("redis-*")
    return {result.fault: result for result in results.read(of_suite).values()}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_end_is_that_of_an_undisturbed_run(found: dict[str, Result], fault: str) -> None:
    assert found[fault].problems == []
