"""Is the path that makes a circle found?"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apps.mappings.hierarchy import find_path


def test_the_shortest_path_is_found() -> None:
    assert find_path([(1, 2), (2, 3), (3, 4), (2, 4)], 1, 4) == [1, 2, 4]


def test_no_path_is_an_empty_one() -> None:
    assert find_path([(1, 2)], 2, 1) == []


def test_links_in_a_circle_end() -> None:
    assert find_path([(1, 2), (2, 1)], 1, 3) == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6))), st.integers(0, 6), st.integers(0, 6))
def test_a_path_uses_only_the_links(links: list[tuple[int, int]], start: int, goal: int) -> None:
    path = find_path(links, start, goal)
    if path:
        assert (path[0], path[-1]) == (start, goal)
        assert set(pairwise(path)) <= set(links)
