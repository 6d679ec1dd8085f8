"""What do earlier runs teach? How long each counter kept a run busy."""

from collections.abc import Mapping, Sequence

Span = tuple[float | None, float | None]


def advances(order: Sequence[str], spans: Mapping[str, Span]) -> dict[str, float]:
    """By how many seconds each counter pushed the end of the run further, in the order of the plan.

    ``spans`` are the begin and end (epoch seconds) of every counter. Counters that worked side by side share their
    time: the later one of the plan gets only what it needed longer. The sum is the run's time.
    """
    begins = [begin for begin, _ in spans.values() if begin is not None]
    now = min(begins, default=0.0)
    seconds: dict[str, float] = {}
    for counter in order:
        _, end = spans.get(counter, (None, None))
        seconds[counter] = max(end - now, 0.0) if begins and end is not None else 0.0
        now += seconds[counter]
    return seconds


def counter_key(step: str, stage: str) -> str:
    """The name of a stage's counter in stored history."""
    return f"{step}/{stage}"
