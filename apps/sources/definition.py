"""What is a job made of? Steps, their stages, and the shares of the bar that they fill.

Pure data: a provider (or the vectorization) describes its job once. The chain, the status matrix and the progress bar
are all built from that description.
"""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The three stages that a step can have, in the order in which a record passes through them."""

    EXTRACTION = "extraction"
    TRANSFORM = "transform"
    EMBEDDING = "embedding"


ALL_STAGES = tuple(Stage)


@dataclass(frozen=True)
class StepDefinition:
    """One row of the status matrix; ``stages`` are the columns that it uses. The chain runs the first one.

    ``unit`` is the entity whose announced number is the extraction's total (``issue``), and ``noun`` what people call
    it where that is not its name; without a unit the total is unknown, and the step shows counts until it ends.
    ``counts`` is the noun of a step that counts neither records nor texts (``check``).
    """

    key: str
    title: str
    unit: str = ""
    noun: str = ""
    stages: tuple[Stage, ...] = ALL_STAGES
    counts: str = ""


@dataclass(frozen=True)
class Part:
    """The part from ``begin`` to ``end`` (0..1) of one stage of one step."""

    step: str
    stage: Stage
    begin: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class ProgressStep:
    """One share of the bar. It is full when all its parts are done. Shares are equal unless weights differ.

    A share consists of ``parts``, or of nested ``steps`` that divide it by their weights. The steps have an order; one
    that ``is_beside`` them was discovered while they run, so it has no place in that order.
    """

    title: str
    parts: tuple[Part, ...] = ()
    weight: float = 1.0
    steps: tuple["ProgressStep", ...] = ()
    is_beside: bool = False

    @property
    def leaves(self) -> tuple[Part, ...]:
        """The parts of the step and of all steps nested in it, in order."""
        return self.parts + tuple(part for step in self.steps for part in step.leaves)


@dataclass(frozen=True)
class JobDefinition:
    """The description of a job. ``job_type`` is its stable name (``jira``), ``title`` the name that people read.

    ``with_learned_weights``: the shares follow the time that the last successful runs spent in each progress step.
    """

    job_type: str
    title: str
    steps: tuple[StepDefinition, ...]
    progress_steps: tuple[ProgressStep, ...]
    with_learned_weights: bool = False

    def step(self, key: str) -> StepDefinition:
        """The step called ``key``; ``KeyError`` names an unknown one."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(f"The {self.title} job has no step {key!r}.")


def whole_step(key: str) -> tuple[Part, ...]:
    """All three stages of a step as one progress step."""
    return tuple(Part(key, stage) for stage in ALL_STAGES)
