"""Does the bar keep its place when a step is discovered?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.compat.discovery import with_discovered
from apps.progress.engine.shares import Share, weighted

weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=20)
fractions = st.one_of(st.none(), st.floats(0, 1))


def _percent(shares: list[Share], at: list[float | None]) -> float:
    return 100 * math.fsum(share.filled(fraction) for share, fraction in zip(shares, at, strict=True))


@pytest.mark.parametrize("weight", [0, -1, math.nan, math.inf])
def test_a_discovered_step_needs_a_weight(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be a number above 0"):
        with_discovered(weighted([1.0]), [0.5], weight)


@given(weights, st.data())
def test_a_discovered_step_takes_its_share_from_what_is_left(given_weights: list[float], data: st.DataObject) -> None:
    shares = weighted(given_weights)
    at = [data.draw(fractions) for _ in shares]
    for _ in range(data.draw(st.integers(1, 4))):
        before = _percent(shares, at)
        shares = with_discovered(shares, at, data.draw(st.floats(0.1, 10)))
        at = [*at, None]
        assert _percent(shares, at) == pytest.approx(before)
        assert math.fsum(share.size for share in shares) == pytest.approx(1)
        assert _percent(shares, [1.0] * len(shares)) == pytest.approx(100)
        at = [data.draw(st.floats(fraction or 0, 1)) for fraction in at]
        assert _percent(shares, at) >= before - 1e-6


def test_a_third_step_discovered_halfway_takes_half_of_what_is_left() -> None:
    shares = with_discovered(weighted([1, 1]), [1.0, 0.0])
    assert [round(share.size, 3) for share in shares] == [0.5, 0.25, 0.25]
