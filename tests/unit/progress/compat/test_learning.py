"""Do the weights follow the time of earlier runs?"""

import pytest

from apps.progress.compat.learning import learnt_weights


def test_learnt_weights_are_the_median_share_of_time() -> None:
    assert learnt_weights([[10, 90], [30, 70], [20, 80]]) == pytest.approx([0.2, 0.8])
    assert learnt_weights([[0, 10], [0, 10]]) == pytest.approx([0.01, 1.0])
    assert learnt_weights([[0, 0]]) == []
    assert learnt_weights([]) == []
