"""Which cells does a slot try? Every n-th of those that are asked for and are not done yet."""

from collections.abc import Iterator

from tools.holes.cells import Cell, Seen, rounds_of_cells, single_cells, unknown_kinds
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
        is_wanted = options.wants(whole.scenario, whole.kind, whole.name)
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
    for position, cell in enumerate(wanted(options, seen)):
        if position % options.slots == options.slot and cell.title not in finished:
            result = Experiment(laboratory, cell).run()
            result.position = position
            yield result


def wanted(options: Options, seen: Seen) -> list[Cell]:
    """The cells that are asked for."""
    if options.rounds:
        return [cell for cell in rounds_of_cells(seen, options.rounds, options.seed) if _is_wanted(options, cell)]
    return [cell for cell in single_cells(seen) if _is_wanted(options, cell)]


def _is_wanted(options: Options, cell: Cell) -> bool:
    return options.wants(cell.scenario.title, cell.kinds, cell.holes)
