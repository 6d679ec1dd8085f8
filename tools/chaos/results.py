"""How is the result of a fault stored and printed?"""

from pathlib import Path

import msgspec


class Result(msgspec.Struct, kw_only=True):
    """The result of one fault: no ``problems`` when all held; ``cost_s`` is how much longer the run took than usual."""

    number: int
    fault: str
    job: str
    broker: str
    outcome: str = ""
    cost_s: float = 0.0
    bound_s: float = 0.0
    problems: list[str] = []
    timeline: list[str] = []

    def line(self) -> str:
        """One line of the suite's output."""
        end = "PROBLEM" if self.problems else self.outcome
        return f"{self.number:4} {self.broker:<9}{self.fault:<17}{self.job:<14}{self.cost_s:6.1f} s  {end}"

    def story(self) -> str:
        """The problems, then the timeline."""
        return "\n".join(
            [*(f"       ! {problem}" for problem in self.problems), *(f"       {line}" for line in self.timeline)]
        )


def read(folder: Path) -> dict[int, Result]:
    """The results in a folder by their number."""
    found = (msgspec.json.decode(path.read_bytes(), type=Result) for path in folder.glob("*.json"))
    return {result.number: result for result in found}


def write(folder: Path, result: Result) -> None:
    """Store a result in one step, so that a reader never sees half of it."""
    unfinished = folder / f"{result.number}.part"
    unfinished.write_bytes(msgspec.json.encode(result))
    unfinished.rename(folder / f"{result.number}.json")
