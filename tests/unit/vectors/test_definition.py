"""Is the Vectorization job described as the specification says?"""

from itertools import pairwise

from apps.sources.definition import Stage
from apps.sources.registry import definition
from apps.vectors.definition import VECTORIZATION


def test_it_is_registered_beside_the_sources_jobs() -> None:
    assert definition("vectorization") is VECTORIZATION


def test_its_names_are_those_of_the_specification() -> None:
    assert [step.key for step in VECTORIZATION.steps] == ["vectorization_prepare", "vectorization_process"]
    assert {step.stages for step in VECTORIZATION.steps} == {(Stage.EMBEDDING,)}
    assert [step.title for step in VECTORIZATION.progress_steps] == [
        "Initialization and Queue Stats",
        "Queue Preparation and Backend Startup",
        "Processing Start and Monitoring",
        "Processing Completion and Cleanup",
    ]


def test_its_four_equal_shares_cover_both_steps_without_a_gap() -> None:
    assert {step.weight for step in VECTORIZATION.progress_steps} == {1.0}
    for key in ("vectorization_prepare", "vectorization_process"):
        parts = [part for step in VECTORIZATION.progress_steps for part in step.parts if part.step == key]
        assert parts[0].begin == 0
        assert parts[-1].end == 1
        assert all(before.end == after.begin for before, after in pairwise(parts))
