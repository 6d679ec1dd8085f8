"""What did a provider not give in a run, and why? Only this module reads and writes the column ``skips``."""

from collections.abc import Iterable

import msgspec

from apps.jobs.models import Run
from apps.sources.base import Skip


class ShownSkip(msgspec.Struct, frozen=True, omit_defaults=True):
    """A skip as the column stores it. ``is_remembered``: a hole asks for it again."""

    scope: str
    reason: str
    is_missing: bool = True
    is_remembered: bool = False


def encode(skips: Iterable[ShownSkip]) -> list[dict[str, object]]:
    """Skips as the column stores them."""
    return [msgspec.to_builtins(skip) for skip in skips]


def shown(skip: Skip) -> ShownSkip:
    """What the column stores of a skip."""
    return ShownSkip(skip.scope, skip.reason, skip.is_missing, skip.again is not None)


def decode(run: Run) -> list[ShownSkip]:
    """The skips of a run."""
    return msgspec.convert(run.skips, list[ShownSkip])
