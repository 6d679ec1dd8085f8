"""What did a provider not give in a run, and why? Only this module reads and writes the column ``skips``."""

from collections.abc import Iterable

import msgspec

from apps.jobs.models import Run
from apps.sources.base import Skip


def encode(skips: Iterable[Skip]) -> list[dict[str, str]]:
    """Skips as the column stores them."""
    return [msgspec.to_builtins(skip) for skip in skips]


def decode(run: Run) -> list[Skip]:
    """The skips of a run."""
    return msgspec.convert(run.skips, list[Skip])
