"""Which changes are made, how many, and to which records?"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

K = TypeVar("K", bound=str)


def draw(kinds: Sequence[K], weights: Mapping[str, int], share: float, size: int, rng: Random) -> list[K]:
    """A kind of change for a `share` of `size` records: each kind once if possible, the others by weight."""
    if not kinds or not share:
        return []
    count = min(size, max(len(kinds), round(size * share)))
    return [*kinds, *rng.choices(kinds, [weights[kind] for kind in kinds], k=count)][:count]


def take(pool: list[Any], suits: Callable[[Any], bool]) -> Any:
    """Remove and return the first record that fits; None when none does."""
    for place, candidate in enumerate(pool):
        if suits(candidate):
            return pool.pop(place)
    return None
