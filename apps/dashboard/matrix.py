"""What does the status matrix of a card show?"""

from dataclasses import dataclass

from apps.progress.card import Card, StageCard
from apps.sources.definition import ALL_STAGES, JobDefinition, StepDefinition


@dataclass(frozen=True)
class MatrixCell:
    """One cell of the status matrix. ``card`` is ``None`` if the step has no such stage."""

    stage: str
    card: StageCard | None


@dataclass(frozen=True)
class MatrixRow:
    """A step and its cells, one for each stage."""

    step: StepDefinition
    cells: list[MatrixCell]


def matrix(job: JobDefinition, card: Card | None) -> list[MatrixRow]:
    """The status matrix; if there is no card, its cells have none either."""
    return [MatrixRow(step, _cells(card.cells.get(step.key, {}) if card else {})) for step in job.steps]


def _cells(cards: dict[str, StageCard]) -> list[MatrixCell]:
    return [MatrixCell(stage.value, cards.get(stage.value)) for stage in ALL_STAGES]
