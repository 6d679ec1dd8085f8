"""What time is it, by a clock that never jumps? A corrected system clock must not make a pause hours longer."""

import time
from datetime import UTC, datetime, timedelta

_BEGAN, _BEGAN_MONOTONIC = datetime.now(UTC), time.monotonic()


def now() -> datetime:
    """The start of this process (UTC) plus the time that has passed since. Compare it only with times of this clock."""
    return _BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_MONOTONIC)
