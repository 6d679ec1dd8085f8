"""Does the percent of a step follow the owner's formula?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.compat.equal_shares import overall_percent


@pytest.mark.parametrize(
    ("index", "total", "fraction", "percent"),
    [(2, 5, 0.3, 46), (2, 5, None, 60), (0, 5, 0.0, 0), (4, 5, 1.0, 100), (20, 42, None, 50), (0, 1, 0.5, 50)],
)
def test_equal_shares_give_the_owners_examples(index: int, total: int, fraction: float | None, percent: float) -> None:
    assert overall_percent(index, total, fraction) == pytest.approx(percent)


def test_three_steps_are_a_third_each() -> None:
    assert [round(overall_percent(index, 3, None), 2) for index in range(3)] == [33.33, 66.67, 100.0]


@given(st.integers(1, 200), st.data())
def test_a_step_never_leaves_its_share(total: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, total - 1))
    fraction = data.draw(st.floats(0, 1))
    percent = overall_percent(index, total, fraction)
    assert index * 100 / total - 1e-9 <= percent <= (index + 1) * 100 / total + 1e-9


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_an_index_outside_the_steps_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="counts from 0: it must be from 0 to 4"):
        overall_percent(index, 5, 0.5)


@pytest.mark.parametrize(("index", "total"), [(True, 5), ("2", 5), (0.0, 5), (0, 5.0)])
def test_an_index_must_be_a_whole_number(index: int, total: int) -> None:
    with pytest.raises(TypeError, match="must be a whole number"):
        overall_percent(index, total, 0.5)


@pytest.mark.parametrize("fraction", [-0.1, 1.01, math.nan, math.inf])
def test_a_fraction_outside_the_step_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="step_progress must be from 0 to 1"):
        overall_percent(2, 5, fraction)


@pytest.mark.parametrize("fraction", ["0.3", True])
def test_a_fraction_must_be_a_number(fraction: float) -> None:
    with pytest.raises(TypeError, match="step_progress must be a number"):
        overall_percent(2, 5, fraction)
