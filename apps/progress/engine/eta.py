"""When will the run end? A coarse range from the pace of the current work and the history of earlier runs.

The pace is an exponential average over *samples*, not over time, so slow work has a rate as well. Time is a parameter
(seconds since the epoch); a wait between two samples is left out by :func:`interrupted`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

import msgspec

# The weight of a new sample.
ALPHA = 0.3
# An ETA is shown after this many samples and seconds.
MIN_SAMPLES = 3
MIN_SECONDS = 5.0
# After this many samples the measured rate has more weight than the history.
TRUSTED_SAMPLES = 10
# After this many usual gaps without a sample the ETA is unknown. The second number is a minimum in seconds.
MAX_GAPS = 5
MIN_PACE_SECONDS = 10.0
# For ranges below the first number of seconds: the unit that they are rounded to.
UNITS = ((60, 10), (600, 60), (3600, 300), (math.inf, 1800))


class Pace(msgspec.Struct, frozen=True):
    """How fast the counter ``of`` grows, as of ``at`` (``None`` after a wait: the next call only starts the clock).

    ``rate`` is items a second, ``gap`` the usual seconds between samples, ``samples`` and ``seconds`` how much was
    seen of this counter, ``run_samples`` and ``run_seconds`` of the whole run.
    """

    of: str
    at: float | None
    done: int
    rate: float = 0.0
    gap: float = 0.0
    samples: int = 0
    seconds: float = 0.0
    run_samples: int = 0
    run_seconds: float = 0.0


@dataclass(frozen=True)
class SecondsRange:
    """From ``low`` to ``high`` seconds."""

    low: float
    high: float


def sampled(pace: Pace | None, of: str, done: int, now: float) -> Pace:
    """The pace after looking at the counter ``of`` at ``now``; only growth is a sample."""
    if pace is None:
        return Pace(of, now, done)
    if pace.of != of or done < pace.done:
        return Pace(of, now, done, run_samples=pace.run_samples, run_seconds=pace.run_seconds)
    if pace.at is None:
        return msgspec.structs.replace(pace, at=now, done=done)
    if done == pace.done or now <= pace.at:
        return pace
    seconds = now - pace.at
    alpha = ALPHA if pace.samples else 1.0
    gap = (1 - alpha) * pace.gap + alpha * seconds
    items = (1 - alpha) * pace.rate * pace.gap + alpha * (done - pace.done)
    return Pace(
        of,
        now,
        done,
        rate=items / gap,
        gap=gap,
        samples=pace.samples + 1,
        seconds=pace.seconds + seconds,
        run_samples=pace.run_samples + 1,
        run_seconds=pace.run_seconds + seconds,
    )


def interrupted(pace: Pace) -> Pace:
    """The pace at the begin of a wait: it leaves out the time until the next call."""
    return msgspec.structs.replace(pace, at=None)


def expires_at(pace: Pace) -> float | None:
    """When the pace becomes too old without another sample; ``None`` while it is interrupted."""
    return None if pace.at is None else pace.at + max(MAX_GAPS * pace.gap, MIN_PACE_SECONDS)


def known_rate(pace: Pace) -> float | None:
    """Items a second once there are enough samples."""
    return pace.rate if pace.samples >= MIN_SAMPLES else None


def estimate(
    pace: Pace, left: int | None, here: Sequence[float], later: Sequence[Sequence[float]], now: float
) -> SecondsRange | None:
    """About how long the run still takes; ``None`` if that is unknown.

    ``left`` are the current counter's items to do (``None``: total unknown), ``here`` its seconds in earlier runs,
    ``later`` those of every counter that comes after it.
    """
    expires = expires_at(pace)
    if pace.run_samples < MIN_SAMPLES or pace.run_seconds < MIN_SECONDS or expires is None or now > expires:
        return None
    own = _rest_of_current(pace, left, here)
    if own is None or not all(later):
        return None
    spreads = [_spread(seconds) for seconds in later]
    return coarse(
        SecondsRange(
            own.low + math.fsum(spread.low for spread in spreads),
            own.high + math.fsum(spread.high for spread in spreads),
        )
    )


def _rest_of_current(pace: Pace, left: int | None, here: Sequence[float]) -> SecondsRange | None:
    by_rate = left / pace.rate if left is not None and pace.samples >= MIN_SAMPLES else None
    by_history = max(median(here) - pace.seconds, 0.0) if here and pace.seconds < max(here) else None
    if by_rate is None:
        if by_history is None:
            return None
        spread = _spread(here)
        return SecondsRange(max(spread.low - pace.seconds, 0.0), max(spread.high - pace.seconds, 0.0))
    trust = min(pace.samples / TRUSTED_SAMPLES, 1.0) if by_history is not None else 1.0
    middle = trust * by_rate + (1 - trust) * (by_history or 0.0)
    doubt = 0.15 + 0.5 / math.sqrt(pace.samples)
    return SecondsRange(middle * (1 - doubt), middle * (1 + doubt))


def _spread(seconds: Sequence[float]) -> SecondsRange:
    if len(seconds) == 1:
        return SecondsRange(seconds[0] * 0.75, seconds[0] * 1.25)
    low, _, high = quantiles(seconds, n=4, method="inclusive")
    return SecondsRange(low, high)


def coarse(exact: SecondsRange) -> SecondsRange:
    """The range, rounded outwards to tens of seconds, minutes, five minutes or half hours; never an empty range."""
    unit = next(unit for limit, unit in UNITS if exact.high < limit)
    low = max(math.floor(exact.low / unit), 0) * unit
    high = max(math.ceil(exact.high / unit) * unit, low + unit)
    return SecondsRange(float(low), float(high))
