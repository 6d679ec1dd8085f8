"""Where does chance come from? From a seed alone, so that equal seeds give equal worlds."""

from random import Random


def source(seed: int) -> Random:
    """A random source; nothing secret is ever drawn from it."""
    return Random(seed)  # noqa: S311
