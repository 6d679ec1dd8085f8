"""What would a change of mappings do? The change is made, measured by the database, and rolled back.

The views of :mod:`apps.mappings.resolve` are read before and after the change, in a transaction that is rolled back.
So the numbers come from the change itself and not from a second implementation of the rules.
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
METRICS = {
    "type": "all metrics by work item type",
    "flow step": "time in step, cumulative flow, rework",
    "category": "cycle time, throughput, work in progress and its age, flow efficiency, burndown",
}


@dataclass(frozen=True)
class Shift:
    """``issues`` change from ``old`` to ``new`` in one respect (``what``): ``type``, ``flow step`` or ``category``."""

    what: str
    old: str
    new: str
    issues: int


@dataclass(frozen=True)
class Preview:
    """``issues`` change now, ``past`` issues change in their history. New ``faults`` forbid the change."""

    issues: int
    past: int
    shifts: tuple[Shift, ...]
    faults: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.issues or self.past or self.faults)

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that change."""
        touched = {shift.what for shift in self.shifts} | ({"flow step", "category"} if self.past else set())
        return [metrics for what, metrics in METRICS.items() if what in touched]


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
    """What ``change`` does to the issues of ``tenants``, and its result. The change is rolled back.

    ``change`` may write to the database only, because nothing else can be rolled back. Its exceptions are raised here.
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
    """The names of types, flow steps and categories by kind and key."""
    types = StandardType.across_tenants.filter(tenant__in=tenants)
    steps = FlowStep.across_tenants.filter(tenant__in=tenants).select_related("workflow")
    return (
        {("type", row.pk): str(row) for row in types}
        | {("flow step", row.pk): str(row) for row in steps}
        | {("category", value): str(label) for value, label in FlowCategory.choices}
    )


def _shifts(moves: list[tuple[Any, ...]], names: dict[tuple[str, Any], str]) -> tuple[Shift, ...]:
    """The moves, summed up for type, flow step and category, the largest first."""
    totals: Counter[tuple[str, Any, Any]] = Counter()
    for *pairs, issues in moves:
        for position, what in enumerate(METRICS):
            old, new = pairs[2 * position : 2 * position + 2]
            if old != new:
                totals[what, old, new] += issues
    return tuple(
        Shift(what, names.get((what, old), NOTHING), names.get((what, new), NOTHING), issues)
        for (what, old, new), issues in sorted(totals.items(), key=lambda item: (item[0][0], -item[1]))
    )
