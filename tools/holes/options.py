"""What is asked of the suite and of its slots?"""

import re

import msgspec


class Options(msgspec.Struct, frozen=True):
    """Which cells are tried: patterns for scenario, kind and hole.

    ``rounds``: each kind gets so many holes in each scenario; 0 for all. ``slot`` is the number of a slot among
    ``slots``.
    """

    folder: str
    seed: int = 1
    scenario: str = ""
    kind: str = ""
    hole: str = ""
    rounds: int = 0
    slot: int = 0
    slots: int = 1

    def wants(self, scenario: str, kind: str, hole: str) -> bool:
        """Whether a cell is asked for."""
        return self.wants_scenario(scenario) and _finds(self.kind, kind) and _finds(self.hole, hole)

    def wants_scenario(self, title: str) -> bool:
        """Whether cells of a scenario are asked for."""
        return _finds(self.scenario, title)


def _finds(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None
