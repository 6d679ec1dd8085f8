"""Do shares always fill the bar, and is covered ground kept when a step turns up?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.engine.history import advances, learnt_weights
from apps.progress.engine.shares import Share, discovered, weighted

weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=20)
fractions = st.one_of(st.none(), st.floats(0, 1))


def _percent(shares: list[Share], at: list[float | None]) -> float:
    return 100 * math.fsum(share.filled(fraction) for share, fraction in zip(shares, at, strict=True))


@given(weights)
def test_shares_add_up_to_the_bar(given_weights: list[float]) -> None:
    shares = weighted(given_weights)
    assert math.fsum(share.size for share in shares) == pytest.approx(1)
    assert _percent(shares, [1.0] * len(shares)) == pytest.approx(100)


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be a number above 0"):
        weighted([1, weight])
    with pytest.raises(ValueError, match="weight must be a number above 0"):
        discovered(weighted([1.0]), [0.5], weight)


@given(weights, st.data())
def test_a_discovered_step_loses_no_ground_and_takes_its_share_from_what_is_left(
    given_weights: list[float], data: st.DataObject
) -> None:
    shares = weighted(given_weights)
    at = [data.draw(fractions) for _ in shares]
    for _ in range(data.draw(st.integers(1, 4))):
        before = _percent(shares, at)
        shares = discovered(shares, at, data.draw(st.floats(0.1, 10)))
        at = [*at, None]
        assert _percent(shares, at) == pytest.approx(before)
        assert math.fsum(share.size for share in shares) == pytest.approx(1)
        assert _percent(shares, [1.0] * len(shares)) == pytest.approx(100)
        at = [data.draw(st.floats(fraction or 0, 1)) for fraction in at]
        assert _percent(shares, at) >= before - 1e-6


def test_a_third_step_that_turns_up_halfway_takes_half_of_what_is_left() -> None:
    shares = discovered(weighted([1, 1]), [1.0, 0.0])
    assert [round(share.size, 3) for share in shares] == [0.5, 0.25, 0.25]


def test_the_time_of_a_run_is_split_in_the_order_of_the_plan() -> None:
    spans = {"a": (100.0, 110.0), "b": (102.0, 130.0), "c": (105.0, 125.0), "d": (130.0, None)}
    assert advances(["a", "b", "c", "d"], spans) == {"a": 10, "b": 20, "c": 0, "d": 0}


def test_learnt_weights_are_the_median_share_of_time() -> None:
    assert learnt_weights([[10, 90], [30, 70], [20, 80]]) == pytest.approx([0.2, 0.8])
    assert learnt_weights([[0, 10], [0, 10]]) == pytest.approx([0.01, 1.0])
    assert learnt_weights([[0, 0]]) == []
    assert learnt_weights([]) == []
