"""How is the result of a cell stored and printed?"""

from pathlib import Path

import msgspec

# How a cell healed: the run that filled the hole.
AT_ONCE, NEXT_RUN, NEXT_SWEEP, NOT_HEALED = "at once", "next run", "sweep", "not healed"

AND = " + "  # between the kinds and the holes of a cell with several
NOTHING_HAS_IT = "nothing in the sandbox has it"


def title(scenario: str, kind: str, hole: str) -> str:
    """The name of a cell."""
    return f"{scenario} · {kind} · {hole}"


class Result(msgspec.Struct, kw_only=True):
    """The result of one cell: no ``problems`` when all held. ``reason`` says why it does not apply.

    A cell with several holes names its kinds and its holes in the same order; ``untried`` are the positions of those
    that nothing in the sandbox has, ``unmet`` of those that another hole kept from being met: they are tried alone.
    """

    scenario: str
    kind: str
    hole: str
    reason: str = ""
    outcome: str = ""
    healed: str = ""
    message: str = ""
    problems: list[str] = []
    seconds: float = 0.0
    position: int = 0
    untried: list[int] = []
    unmet: list[int] = []

    @property
    def title(self) -> str:
        """Scenario, kind and hole."""
        return title(self.scenario, self.kind, self.hole)

    @property
    def singles(self) -> list["Result"]:
        """The same result for each kind and its hole."""
        pairs = zip(self.kind.split(AND), self.hole.split(AND), strict=True)
        reasons = dict.fromkeys(self.untried, NOTHING_HAS_IT)
        return [
            msgspec.structs.replace(self, kind=kind, hole=hole, reason=self.reason or reasons.get(place, ""))
            for place, (kind, hole) in enumerate(pairs)
            if place not in self.unmet
        ]

    def line(self) -> str:
        """One line of the suite's output."""
        if self.reason:
            return f"  –    {self.title}: {self.reason}"
        end = "FAILS " if self.problems else "holds "
        return f"{end} {self.title}: {self.outcome}, {self.healed} ({self.seconds:.1f} s)"

    def story(self) -> str:
        """The problems, and what the run said."""
        lines = [f"       ! {problem}" for problem in self.problems]
        return "\n".join([*lines, f"       the run said: {self.message or 'nothing'}"])


def read(folder: Path) -> list[Result]:
    """The results in a folder, in the order of the cells."""
    found = [
        msgspec.json.decode(line, type=Result)
        for path in sorted(folder.glob("slot-*.jsonl"))
        for line in path.read_bytes().splitlines()
        if line.endswith(b"}")
    ]
    return sorted(found, key=lambda result: result.position)


def write(path: Path, result: Result) -> None:
    """Add a result to a slot's file."""
    with path.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")
