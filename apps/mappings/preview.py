"""What would a change of mappings do? It is made, measured by the database, and taken back.

The views of :mod:`apps.mappings.resolve` are read before and after the change inside a transaction that is
rolled back, so the figures are those of the change itself and not of a second implementation of the rules.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, transaction

from apps.mappings.choices import FlowCategory
from apps.mappings.models import FlowStep, StandardType
from apps.mappings.selectors import faults

T = TypeVar("T")

NOTHING = "(none)"
FIGURES = {
    "type": "every figure by type of work",
    "flow step": "time in step, cumulative flow, rework",
    "category": "cycle time, throughput, work in progress and its age, flow efficiency, burndown",
}


@dataclass(frozen=True)
class Shift:
    """``issues`` go from ``old`` to ``new`` in one respect: ``type``, ``flow step`` or ``category``."""

    what: str
    old: str
    new: str
    issues: int


@dataclass(frozen=True)
class Preview:
    """``issues`` change, ``past`` have other past moves; ``faults`` are new ones and forbid it."""

    issues: int
    past: int
    shifts: tuple[Shift, ...]
    faults: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.issues or self.past or self.faults)

    @property
    def figures(self) -> list[str]:
        """The names of the figures that change."""
        touched = {shift.what for shift in self.shifts} | ({"flow step", "category"} if self.past else set())
        return [figures for what, figures in FIGURES.items() if what in touched]


BEFORE = """
CREATE TEMPORARY TABLE issue_before ON COMMIT DROP AS
SELECT issue_id, standard_type_id, flow_step_id, category FROM mappings_issue_flow
WHERE tenant_id = ANY(%(tenants)s);
CREATE TEMPORARY TABLE change_before ON COMMIT DROP AS {changes}
"""
CHANGES = """
SELECT flow.change_id, flow.issue_id, flow.from_step_id, flow.to_step_id,
       from_step.category AS from_category, to_step.category AS to_category
FROM mappings_change_flow flow
LEFT JOIN mappings_flowstep from_step ON from_step.id = flow.from_step_id
LEFT JOIN mappings_flowstep to_step ON to_step.id = flow.to_step_id
WHERE flow.tenant_id = ANY(%(tenants)s)
"""
SHIFTS = """
SELECT old.standard_type_id, new.standard_type_id, old.flow_step_id, new.flow_step_id,
       old.category, new.category, count(*)
FROM issue_before old JOIN mappings_issue_flow new USING (issue_id)
WHERE new.tenant_id = ANY(%(tenants)s) AND (old.standard_type_id, old.flow_step_id, old.category)
      IS DISTINCT FROM (new.standard_type_id, new.flow_step_id, new.category)
GROUP BY 1, 2, 3, 4, 5, 6
"""
PAST = """
SELECT count(DISTINCT old.issue_id) FROM change_before old JOIN ({changes}) new USING (change_id)
WHERE (old.from_step_id, old.to_step_id, old.from_category, old.to_category)
      IS DISTINCT FROM (new.from_step_id, new.to_step_id, new.from_category, new.to_category)
"""


def preview(*, tenants: Sequence[int], change: Callable[[], T]) -> tuple[Preview, T]:
    """What ``change`` does to the issues of ``tenants``, and what it returns; nothing of it stays.

    What ``change`` raises is raised here. It must keep to the database: nothing else can be taken back.
    """
    values = {"tenants": list(tenants)}
    with transaction.atomic(), connection.cursor() as cursor:
        names, old_faults = _names(tenants), faults(list(tenants))
        cursor.execute(BEFORE.format(changes=CHANGES), values)
        result = change()
        names = _names(tenants) | names
        cursor.execute(SHIFTS, values)
        moves = cursor.fetchall()
        cursor.execute(PAST.format(changes=CHANGES), values)
        (past,) = cursor.fetchone()
        new_faults = faults(list(tenants)) - old_faults
        transaction.set_rollback(True)
    shifts = _shifts(moves, names)
    return Preview(sum(move[-1] for move in moves), past, shifts, tuple(sorted(new_faults))), result


def _names(tenants: Sequence[int]) -> dict[tuple[str, Any], str]:
    """What to call a type, flow step or category; the names before the change win over those after."""
    types = StandardType.across_tenants.filter(tenant__in=tenants)
    steps = FlowStep.across_tenants.filter(tenant__in=tenants).select_related("workflow")
    return (
        {("type", row.pk): str(row) for row in types}
        | {("flow step", row.pk): str(row) for row in steps}
        | {("category", value): str(label) for value, label in FlowCategory.choices}
    )


def _shifts(moves: list[tuple[Any, ...]], names: dict[tuple[str, Any], str]) -> tuple[Shift, ...]:
    """Sum the moves up per respect, the largest first."""
    totals: Counter[tuple[str, Any, Any]] = Counter()
    for *pairs, issues in moves:
        for position, what in enumerate(FIGURES):
            old, new = pairs[2 * position : 2 * position + 2]
            if old != new:
                totals[what, old, new] += issues
    return tuple(
        Shift(what, names.get((what, old), NOTHING), names.get((what, new), NOTHING), issues)
        for (what, old, new), issues in sorted(totals.items(), key=lambda item: (item[0][0], -item[1]))
    )
