"""Where do random numbers come from? Only from a seed, so that equal seeds give equal worlds."""

from random import Random


def source(seed: int) -> Random:
    """A source of random numbers; no secret comes from it."""
    return Random(seed)  # noqa: S311
