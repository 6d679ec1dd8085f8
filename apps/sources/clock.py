"""What time is it, by a clock that never jumps? A pause must not grow by hours because somebody sets a clock right."""

import time
from datetime import UTC, datetime, timedelta

_BEGAN, _BEGAN_MONOTONIC = datetime.now(UTC), time.monotonic()


def now() -> datetime:
    """The time (UTC) when this process began, and what has passed since: compare it only with times of its own."""
    return _BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_MONOTONIC)
