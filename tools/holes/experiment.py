"""Does one cell hold? A run with the hole, then without it the next ordinary run and, if need be, the next sweep."""

import time
from functools import partial

from apps.jobs.choices import Outcome
from apps.jobs.models import Run
from tests import inline_runs
from tools.holes import results
from tools.holes.aim import Aim, Ask
from tools.holes.catalogue import KINDS
from tools.holes.cells import Cell, Part
from tools.holes.exchange import Answer, Asked
from tools.holes.judge import WAITS, End, outcome_of
from tools.holes.laboratory import Laboratory, message_of
from tools.holes.results import Result
from tools.holes.tables import differences, summary

# An integration is read every hour; between two runs of a cell, an hour passes.
HOURS_BETWEEN_RUNS = 1.0
MAX_MESSAGE_LENGTH = 1500


class Experiment:
    """One cell in the laboratory."""

    def __init__(self, laboratory: Laboratory, cell: Cell) -> None:
        self.laboratory, self.cell, self.scenario = laboratory, cell, cell.scenario
        self.result = Result(scenario=cell.scenario.title, kind=cell.kinds, hole=cell.holes, reason=cell.reason)
        self.aims: list[tuple[Part, Aim]] = []

    def run(self) -> Result:
        """The result of the cell. An error of ours or of the product is a problem of the cell."""
        began = time.monotonic()
        if not self.result.reason:
            try:
                self._run()
            except Exception as error:  # the other cells still have to be tried
                self.result.problems.append(f"The cell broke: {type(error).__name__}: {error}"[:600])
        self.result.seconds = time.monotonic() - began
        return self.result

    def _run(self) -> None:
        undisturbed = self.laboratory.undisturbed(self.scenario)
        for place, part in enumerate(self.cell.parts):
            target = part.hole.target(part.kind, undisturbed.exchanges, part.variant)
            if target is None:
                self.result.untried.append(place)
            else:
                self.aims.append((part, Aim(part.kind, target, part.variant)))
        if not self.aims:
            self.result.reason = results.NOTHING_HAS_IT
            return
        run = self._disturbed_run()
        end = End(run, self.aims, undisturbed, self.laboratory.tables(self.scenario.account))
        self.result.outcome, self.result.message = outcome_of(run), message_of(run)[:MAX_MESSAGE_LENGTH]
        if unknown := self.laboratory.proxy.recording.kinds.keys() - KINDS.keys():
            self.result.problems.append(f"The catalogue lacks kinds of requests: {', '.join(sorted(unknown))}")
        self.result.problems += end.problems()
        if len(self.aims) > 1:
            self.result.unmet = [self.cell.parts.index(part) for part, aim in self.aims if not aim.times]
        self._heal(run, is_whole=not end.missed)

    def _disturbed_run(self) -> Run:
        self.laboratory.begin(self.scenario)
        proxy = self.laboratory.proxy
        proxy.disturb = self._disturb
        run = self.laboratory.run(self.scenario.account, with_sweep=self.scenario.with_sweep)
        proxy.disturb = None
        return run

    def _disturb(self, asked: Asked, ask: Ask) -> Answer:
        """The answer after all holes."""
        for part, aim in self.aims:
            ask = partial(_through, part, aim, ask)
        return ask(asked)

    def _heal(self, run: Run, *, is_whole: bool) -> None:
        """Without the hole: the next ordinary run, or at the latest the next sweep, ends complete with equal tables."""
        account, right = self.scenario.account, self.laboratory.right(self.scenario)
        if outcome_of(run) == WAITS:
            run = inline_runs.drive(run, max_waits=inline_runs.MAX_ROUNDS)
            is_whole = self.laboratory.tables(account) == right
        if outcome_of(run) == Outcome.COMPLETE and is_whole:
            self.result.healed = results.AT_ONCE
            return
        for name, with_sweep in ((results.NEXT_RUN, False), (results.NEXT_SWEEP, True)):
            self.laboratory.pass_time(account, HOURS_BETWEEN_RUNS)
            run = self.laboratory.run(account, with_sweep=with_sweep)
            missed = list(differences(right, self.laboratory.tables(account)))
            if outcome_of(run) == Outcome.COMPLETE and not missed:
                self.result.healed = name
                return
        self.result.healed = results.NOT_HEALED
        words = summary(missed) or f"equal tables, but {message_of(run)[:300]}"
        self.result.problems.append(f"Not healed; the sweep ended {outcome_of(run)}: {words}")


def _through(part: Part, aim: Aim, ask: Ask, asked: Asked) -> Answer:
    return part.hole.disturb(aim, asked, ask)
