"""How many slices may a step fetch at once? Fewer if their answers are large, because all of them are in memory."""

from collections.abc import Callable

MAX_FETCHES = 12
MAX_BYTES_IN_WORK = 24 * 1024 * 1024  # of answers; the records that are made of them need as much again
FIRST_FETCHES = 4  # until the first answers are there
_WEIGHT = 0.25  # of an answer that is smaller than those before it


class ParallelFetches:
    """The number of slices that may be fetched at once; ``received`` gives the bytes of all answers so far."""

    def __init__(self, received: Callable[[], int]) -> None:
        self._received = received
        self._before = received()
        self._bytes_per_slice = MAX_BYTES_IN_WORK / FIRST_FETCHES

    @property
    def limit(self) -> int:
        """How many may be fetched at once now."""
        return max(1, min(MAX_FETCHES, int(MAX_BYTES_IN_WORK / max(self._bytes_per_slice, 1))))

    def note(self, slices: int) -> None:
        """So many slices have been fetched since the last call."""
        if not slices:
            return
        received = self._received()
        latest = max(received - self._before, 0) / slices
        self._before = received
        for _ in range(slices):
            # Kinds of slices alternate, so a few small answers do not mean that the next ones are small.
            weight = 1.0 if latest > self._bytes_per_slice else _WEIGHT
            self._bytes_per_slice += weight * (latest - self._bytes_per_slice)
