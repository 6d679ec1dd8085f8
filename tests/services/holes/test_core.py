"""Is a run complete only if it has everything, and does every hole heal? The quick selection of ``make holes``."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from tools.holes import results
from tools.holes.catalogue import KINDS
from tools.holes.results import Result

SEED = 5
SCENARIOS = "^(Jira|GitHub): changes$"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """The results of one hole in each kind of request, on services of their own."""
    folder: Path = tmp_path_factory.mktemp("holes")
    options = {"--scenario": SCENARIOS, "--rounds": 1, "--slots": 1, "--seed": SEED, "--folder": folder}
    suite = subprocess.run(
        [sys.executable, "-m", "tools.holes", *(str(word) for pair in options.items() for word in pair)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(suite.stdout + suite.stderr)
    return [single for result in results.read(folder / str(SEED)) for single in result.singles]


def test_every_hole_holds(found: list[Result]) -> None:
    assert {result.title: result.problems for result in found if result.problems} == {}


def test_most_kinds_of_requests_had_a_hole(found: list[Result]) -> None:
    """The others are made only over REST, by first loads and sweeps, or for what this sandbox does not have."""
    tried = {result.kind for result in found if not result.reason}
    assert len(tried) > len(KINDS) / 4
