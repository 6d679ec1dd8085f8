"""Which cells does a slot try? Every n-th of those that are asked for and are not done yet."""

from collections.abc import Iterator

from tools.holes.cells import Cell, all_cells, unknown_kinds
from tools.holes.experiment import Experiment
from tools.holes.laboratory import Laboratory, UnsoundError
from tools.holes.options import Options
from tools.holes.results import Result
from tools.holes.scenarios import SCENARIOS, Scenario
from tools.holes.testbed import Testbed
from tools.holes.whole import WHOLE_CELLS, try_whole


def try_share(testbed: Testbed, options: Options, done: list[Result]) -> Iterator[Result]:
    """The result of each cell of a slot's share; before them a result for each scenario that cannot be judged."""
    laboratory = Laboratory(testbed)
    finished = {result.title for result in done}
    for position, whole in enumerate(WHOLE_CELLS):
        is_wanted = not options.rounds and options.wants(whole.scenario, whole.kind, whole.name)
        if is_wanted and position % options.slots == options.slot and whole.title not in finished:
            yield try_whole(laboratory, whole)
    seen: dict[Scenario, set[str]] = {}
    for scenario in SCENARIOS:
        if not options.wants_scenario(scenario.title):
            continue
        try:
            seen[scenario] = laboratory.undisturbed(scenario).kinds
        except UnsoundError as error:
            yield Result(scenario=scenario.title, kind="", hole="", problems=[str(error)[:1500]])
    for name in sorted(unknown_kinds(seen)):
        yield Result(scenario="", kind=name, hole="", problems=["The catalogue has no entry for this kind of request."])
    for position, cell in enumerate(all_cells(seen, options)):
        if position % options.slots == options.slot and cell.title not in finished:
            yield from _try(laboratory, cell, position)


def _try(laboratory: Laboratory, cell: Cell, position: int) -> Iterator[Result]:
    """The result of a cell. If several holes at once do not hold, each is tried alone as well: which one is it?

    So is a hole that was not met, because another one came before it.
    """
    result = Experiment(laboratory, cell).run()
    result.position = position
    yield result
    for place, single in enumerate(cell.singles):
        if result.problems or place in result.unmet:
            yield from _try(laboratory, single, position)
