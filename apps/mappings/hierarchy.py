"""Is one type above another in the hierarchy, and by which path?"""

from collections import deque
from collections.abc import Iterable


def find_path(links: Iterable[tuple[int, int]], start: int, goal: int) -> list[int]:
    """The shortest path from ``start`` down to ``goal`` over (parent, child) links, with both ends; empty if none."""
    children: dict[int, list[int]] = {}
    for parent, child in links:
        children.setdefault(parent, []).append(child)
    came_from = {start: start}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        if here == goal:
            return _walk_back(came_from, start, goal)
        for child in children.get(here, []):
            if child not in came_from:
                came_from[child] = here
                waiting.append(child)
    return []


def _walk_back(came_from: dict[int, int], start: int, goal: int) -> list[int]:
    path = [goal]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]
