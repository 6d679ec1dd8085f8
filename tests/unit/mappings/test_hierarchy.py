"""Is the path of a cycle found?"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from apps.mappings.hierarchy import find_path


def test_the_shortest_path_is_found() -> None:
    assert find_path([(1, 2), (2, 3), (3, 4), (2, 4)], 1, 4) == [1, 2, 4]


def test_a_missing_path_is_empty() -> None:
    assert find_path([(1, 2)], 2, 1) == []


def test_a_search_over_a_cycle_ends() -> None:
    assert find_path([(1, 2), (2, 1)], 1, 3) == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6))), st.integers(0, 6), st.integers(0, 6))
def test_a_path_uses_only_the_links(links: list[tuple[int, int]], start: int, goal: int) -> None:
    path = find_path(links, start, goal)
    if path:
        assert (path[0], path[-1]) == (start, goal)
        assert set(pairwise(path)) <= set(links)
