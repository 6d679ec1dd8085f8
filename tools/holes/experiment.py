"""Does one cell hold? A run with the hole, then without it the next ordinary run and, if need be, the next sweep."""

import re
import time
from collections.abc import Iterator
from functools import partial

from apps.jobs.choices import Outcome
from apps.jobs.models import Run
from apps.progress.choices import RunState
from tools.holes import driver, results
from tools.holes.aim import Aim
from tools.holes.catalogue import KINDS
from tools.holes.cells import Cell
from tools.holes.laboratory import Laboratory, Undisturbed, message_of
from tools.holes.results import Result
from tools.holes.tables import Cells, Difference, Tables, differences, example, summary

# An integration is read every hour; between two runs of a cell, an hour passes.
HOURS_BETWEEN_RUNS = 1.0
WAITS = "waits"
# The columns that name the parent of a row, and the table of the parent.
PARENTS = {"issue": "issue", "pull_request": "pull_request", "repository": "repository", "project": "project"}
# Rows that belong to many objects at once.
SHARED = frozenset({"user", "commit", "pull_request_issue_link"})
MAX_EXAMPLES = 5


class Experiment:
    """One cell in the laboratory."""

    def __init__(self, laboratory: Laboratory, cell: Cell) -> None:
        self.laboratory, self.cell = laboratory, cell
        self.scenario, self.kind, self.hole = cell.scenario, cell.kind, cell.hole
        self.result = Result(
            scenario=cell.scenario.title,
            kind=cell.kind.name,
            hole=cell.hole.name,
            variant=cell.variant,
            reason=cell.reason,
        )
        self.aim = Aim(cell.kind)

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
        target = self.hole.target(self.kind, undisturbed.exchanges, self.cell.variant)
        if target is None:
            self.result.reason = "nothing in the sandbox has it"
            return
        self.aim = Aim(self.kind, target, self.cell.variant)
        run = self._disturbed_run()
        found = self.laboratory.tables(self.scenario.account)
        missed = list(differences(undisturbed.after, found))
        self.result.outcome, self.result.message = outcome_of(run), message_of(run)[:1500]
        self.result.problems += self._judge(run, undisturbed, found, missed)
        self._heal(run, missed)

    def _disturbed_run(self) -> Run:
        self.laboratory.begin(self.scenario)
        proxy = self.laboratory.proxy
        proxy.disturb = partial(self.hole.disturb, self.aim)
        run = self.laboratory.run(self.scenario.account, with_sweep=self.scenario.with_sweep)
        proxy.disturb = None
        return run

    def _judge(self, run: Run, undisturbed: Undisturbed, found: Tables, missed: list[Difference]) -> Iterator[str]:
        if not self.aim.times:
            yield "The hole hit no answer: the request was not made."
        if unknown := self.laboratory.proxy.recording.kinds.keys() - KINDS.keys():
            yield f"The catalogue lacks kinds of requests: {', '.join(sorted(unknown))}"
        yield from overwritten(undisturbed, found, missed)
        is_complete = outcome_of(run) == Outcome.COMPLETE
        if is_complete and missed:
            yield f"complete, but {summary(missed)}"
        if not is_complete and not self._is_named(run, undisturbed):
            wanted = self.aim.target or self.kind.words
            yield f"Nothing names the object ({wanted}): {message_of(run)[:300] or 'no word'}"
        if not self._may_lose_others():
            others = [one for one in missed if not self._is_explained(one, undisturbed, found)]
            if others:
                yield f"Others were not loaded: {summary(others)}"

    def _may_lose_others(self) -> bool:
        """Without a gate nothing can be known; a refused token or a pause of the provider concerns everything."""
        return self.kind.is_gate or self.hole.name in ("401", "429 for ever")

    def _is_named(self, run: Run, undisturbed: Undisturbed) -> bool:
        text = message_of(run)
        if self.kind.words and re.search(self.kind.words, text, re.IGNORECASE):
            return True
        names = names_of(self.aim.target, undisturbed.after)
        return any(name in text for name in names) or bool(self.kind.is_gate and text)

    def _is_explained(self, difference: Difference, undisturbed: Undisturbed, found: Tables) -> bool:
        """Whether the hole can have caused a difference: its kind feeds the table, and the row is the target's."""
        table, _, wanted, present = difference
        if table not in self.kind.feeds:
            return False
        if not self.aim.target or not self.kind.column or table in SHARED:
            return True
        row = wanted or present or {}
        wanted_ids = names_of(self.aim.target, undisturbed.after) | names_of(self.aim.target, undisturbed.before)
        return bool(owners(table, row, undisturbed.after | {}) & wanted_ids) or bool(
            owners(table, row, found) & wanted_ids
        )

    # --- healing ------------------------------------------------------------------------------------------------------

    def _heal(self, run: Run, missed: list[Difference]) -> None:
        """Without the hole: the next ordinary run, or at the latest the next sweep, ends complete with equal tables."""
        account, fresh = self.scenario.account, self.laboratory.fresh(self.scenario.account, self.scenario.world)
        if outcome_of(run) == WAITS:
            run = driver.drive(run, max_waits=driver.MAX_ROUNDS)
            missed = list(differences(fresh, self.laboratory.tables(account)))
        if outcome_of(run) == Outcome.COMPLETE and not missed:
            self.result.healed = results.AT_ONCE
            return
        for name, with_sweep in ((results.NEXT_RUN, False), (results.NEXT_SWEEP, True)):
            self.laboratory.pass_time(account, HOURS_BETWEEN_RUNS)
            run = self.laboratory.run(account, with_sweep=with_sweep)
            missed = list(differences(fresh, self.laboratory.tables(account)))
            if outcome_of(run) == Outcome.COMPLETE and not missed:
                self.result.healed = name
                return
        self.result.healed = results.NOT_HEALED
        words = summary(missed) or f"equal tables, but {message_of(run)[:300]}"
        self.result.problems.append(f"Not healed; the sweep ended {outcome_of(run)}: {words}")


def outcome_of(run: Run) -> str:
    """The outcome of a finished run, ``failed``, or ``waits``."""
    if run.state == RunState.FINISHED:
        return str(run.outcome)
    return "failed" if run.state == RunState.FAILED else WAITS


def overwritten(undisturbed: Undisturbed, found: Tables, missed: list[Difference]) -> Iterator[str]:
    """What was stored before and has now neither its old nor its new value, or is gone although the provider has it.

    A row that is new at the provider may lack values: nothing was stored of it before.
    """
    bad: dict[str, list[str]] = {}
    for table, name, wanted, present in missed:
        stored = undisturbed.before.get(table, {}).get(name)
        if stored is None:
            continue
        if present is None:
            if wanted is not None:
                bad.setdefault(table, []).append(f"{name} was deleted")
            continue
        other = {
            column for column, value in present.items() if value not in (stored[column], (wanted or stored)[column])
        }
        if other:
            shown = {column: present[column] for column in present if column in other}
            old = {column: stored[column] for column in other}
            bad.setdefault(table, []).append(example((table, name, old, shown)))
    for table, rows in bad.items():
        yield f"Overwritten: {len(rows)} of {table}: {' | '.join(rows[:MAX_EXAMPLES])}"


def names_of(target: str, tables: Tables) -> set[str]:
    """What an object is called: its id, and the key, name and number of its row."""
    names = {target} - {""}
    for rows in tables.values():
        for name, row in rows.items():
            known = {name, *(str(row[column]) for column in ("key", "full_name") if row.get(column))}
            if target and target in known:
                names |= known
    return names


def owners(table: str, row: Cells, tables: Tables) -> set[str]:
    """The objects that a row belongs to: itself, its parents, and their projects or repositories."""
    found = {str(row.get("external_id", "")) if table in PARENTS.values() else "", str(row.get("board", ""))}
    for column, parents in PARENTS.items():
        name = str(row.get(column, ""))
        if name:
            found.add(name)
            parent = tables.get(parents, {}).get(name, {})
            found |= {str(parent.get(each, "")) for each in ("project", "repository", "full_name", "key")}
    return found - {""}
