"""What is wrong with the end of a run that had a hole? Each problem is a sentence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps.jobs.choices import Outcome
from apps.jobs.models import Run
from apps.progress.choices import RunState
from tools.holes.aim import Aim
from tools.holes.cells import Part
from tools.holes.laboratory import Undisturbed, message_of
from tools.holes.tables import Cells, Difference, Tables, differences, example, summary

WAITS = "waits"
# The columns that name the parent of a row, and the table of the parent.
PARENTS = {"issue": "issue", "pull_request": "pull_request", "repository": "repository", "project": "project"}
# Rows that belong to many objects at once.
SHARED = frozenset({"user", "commit", "pull_request_issue_link"})
MAX_EXAMPLES = 5
MAX_NUMBER_LENGTH = 2

Aims = Sequence[tuple[Part, Aim]]


@dataclass
class End:
    """How a run ended: with which holes, which tables, and what an undisturbed run leads to."""

    run: Run
    aims: Aims
    undisturbed: Undisturbed
    found: Tables
    missed: list[Difference] = field(init=False)

    def __post_init__(self) -> None:
        self.missed = list(differences(self.undisturbed.after, self.found))

    def problems(self) -> Iterator[str]:
        """Everything that must not be."""
        yield from self._overwritten()
        is_complete = outcome_of(self.run) == Outcome.COMPLETE
        if is_complete and self.missed:
            yield f"complete, but {summary(self.missed)}"
        for part, aim in self.aims:
            if part.hole.is_passing and not is_complete:
                yield f"{part.name}: this run could have had everything"
            if not aim.times and len(self.aims) > 1:
                continue  # another hole came first; this one is tried alone
            if not aim.times:
                yield f"No answer was hit: {part.kind.name} was not asked ({part.name})."
            elif not is_complete and self._must_be_named(part, aim) and not self._is_named(part, aim):
                wanted = aim.target if aim.target and part.kind.column else part.kind.words
                yield f"{part.name}: nothing names {wanted}: {message_of(self.run)[:300] or 'no word'}"
        if not any(_concerns_all(part) for part, _ in self.aims):
            others = [one for one in self.missed if not any(self._explains(part, aim, one) for part, aim in self.aims)]
            if others:
                yield f"Others were not loaded: {summary(others)}"

    def _overwritten(self) -> Iterator[str]:
        """What was stored and has now neither its old nor its new value, or is gone although the provider has it.

        A row that is new at the provider may lack values: nothing was stored of it before.
        """
        bad: dict[str, list[str]] = {}
        for table, name, wanted, present in self.missed:
            stored = self.undisturbed.before.get(table, {}).get(name)
            if stored is None:
                continue
            if present is None:
                if wanted is not None:
                    bad.setdefault(table, []).append(f"{name} was deleted")
                continue
            new = wanted or stored
            other = {column for column, value in present.items() if value not in (stored[column], new[column])}
            if other:
                shown = {column: present[column] for column in other}
                bad.setdefault(table, []).append(example((table, name, {one: stored[one] for one in other}, shown)))
        for table, rows in bad.items():
            yield f"Overwritten: {len(rows)} of {table}: {' | '.join(rows[:MAX_EXAMPLES])}"

    def _must_be_named(self, part: Part, aim: Aim) -> bool:
        """One of several holes must be named only if something is missing that no named hole can have caused."""
        if len(self.aims) == 1:
            return True
        named = [(other, its) for other, its in self.aims if self._is_named(other, its)]
        unexplained = [one for one in self.missed if not any(self._explains(other, its, one) for other, its in named)]
        return any(self._explains(part, aim, one) for one in unexplained)

    def _is_named(self, part: Part, aim: Aim) -> bool:
        """Whether the run names the object, or for a whole endpoint what it has."""
        text = message_of(self.run)
        if _concerns_all(part):
            return bool(text)
        if aim.target and part.kind.column:
            places = (re.search(rf"\b{part.kind.column}[ /]{re.escape(name)}\b", text) for name in self._names(aim))
            return any(places) or any(_is_in(name, text) for name in self._names(aim))
        return re.search(part.kind.words, text, re.IGNORECASE) is not None

    def _names(self, aim: Aim) -> set[str]:
        return names_of(aim.target, self.undisturbed.after) | names_of(aim.target, self.undisturbed.before)

    def _explains(self, part: Part, aim: Aim, difference: Difference) -> bool:
        """Whether a hole can have caused a difference: its kind feeds the table, and the row is the target's."""
        table, _, wanted, present = difference
        if table not in part.kind.feeds:
            return False
        if not aim.target or not part.kind.column or table in SHARED:
            return True
        row, names = wanted or present or {}, self._names(aim)
        states = (self.undisturbed.after, self.undisturbed.before, self.found)
        return any(owners(table, row, tables) & names for tables in states)


def outcome_of(run: Run) -> str:
    """The outcome of a finished run, ``failed``, or ``waits``."""
    if run.state == RunState.FINISHED:
        return str(run.outcome)
    return "failed" if run.state == RunState.FAILED else WAITS


def _concerns_all(part: Part) -> bool:
    """Without a gate nothing can be known; a refused token or a pause of the provider concerns everything."""
    return part.kind.is_gate or part.hole.is_for_all


def _is_in(name: str, text: str) -> bool:
    """Whether a text has a name; a short number may be any number."""
    return len(name) > MAX_NUMBER_LENGTH and re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", text) is not None


def names_of(target: str, tables: Tables) -> set[str]:
    """What an object is called: its id, and the key and name of its row."""
    names = {target} - {""}
    for rows in tables.values():
        for name, row in rows.items():
            known = {name, *(str(row[column]) for column in ("key", "full_name") if row.get(column))}
            if target and target in known:
                names |= known
    return names


def owners(table: str, row: Cells, tables: Tables) -> set[str]:
    """The objects that a row belongs to: itself, its parents, and their projects or repositories."""
    found = {str(row.get(column, "")) for column in ("board", "scope")}
    found.add(str(row.get("external_id", "")) if table in PARENTS.values() else "")
    for column, parents in PARENTS.items():
        name = str(row.get(column, ""))
        if name:
            found.add(name)
            parent = tables.get(parents, {}).get(name, {})
            found |= {str(parent.get(each, "")) for each in ("project", "repository", "full_name", "key")}
    return found - {""}
