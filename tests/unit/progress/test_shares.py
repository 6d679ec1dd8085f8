"""Do shares always fill the bar?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.engine.history import advances
from apps.progress.engine.shares import Share, weighted

weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=20)


def _percent(shares: list[Share], at: list[float | None]) -> float:
    return 100 * math.fsum(share.filled(fraction) for share, fraction in zip(shares, at, strict=True))


@given(weights)
def test_shares_add_up_to_the_bar(given_weights: list[float]) -> None:
    shares = weighted(given_weights)
    assert math.fsum(share.size for share in shares) == pytest.approx(1)
    assert _percent(shares, [1.0] * len(shares)) == pytest.approx(100)


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_an_invalid_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be a number above 0"):
        weighted([1, weight])


def test_the_time_of_a_run_is_split_in_the_order_of_the_plan() -> None:
    spans = {"a": (100.0, 110.0), "b": (102.0, 130.0), "c": (105.0, 125.0), "d": (130.0, None)}
    assert advances(["a", "b", "c", "d"], spans) == {"a": 10, "b": 20, "c": 0, "d": 0}
