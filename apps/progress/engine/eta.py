"""When will the run end? A coarse range from the pace of the current work and the history of earlier runs.

The pace is an exponential average over *samples*, not over time, so slow work has a rate as well. Time is a parameter
(seconds since the epoch); a wait between two samples is left out by :func:`interrupted`. A first run has no history:
:mod:`~apps.progress.engine.forecast` uses the growth of all its counters.
"""

import math
from collections.abc import Mapping, Sequence
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
# What a counter did so many seconds of work earlier has half the weight for its growth.
HALF_LIFE = 60.0
# For times below the first number of seconds: the unit that they are rounded to.
UNITS = ((60, 10), (600, 60), (3600, 300), (math.inf, 1800))


class Growth(msgspec.Struct, frozen=True):
    """How much one counter grew in the time that the run worked: ``items`` in ``seconds``, both with fading weights.

    ``worked`` are the same seconds with their full weight; ``samples`` is how often the counter grew.
    """

    done: int
    items: float = 0.0
    seconds: float = 0.0
    worked: float = 0.0
    samples: int = 0

    @property
    def rate(self) -> float | None:
        """Items a second once there are enough samples."""
        return self.items / self.seconds if self.samples >= MIN_SAMPLES and self.worked >= MIN_SECONDS else None


class Pace(msgspec.Struct, frozen=True):
    """How fast the counter ``of`` grows, as of ``at`` (``None`` after a wait: the next call only starts the clock).

    ``rate`` is items a second, ``gap`` the usual seconds between samples, ``samples`` and ``seconds`` how much was
    seen of this counter, ``run_samples`` and ``run_seconds`` of the whole run. ``counters`` is the growth of every
    counter at work as of ``seen``, and ``worked`` how many seconds the run has been seen working.
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
    seen: float | None = None
    worked: float = 0.0
    counters: dict[str, Growth] = {}


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
        return msgspec.structs.replace(pace, of=of, at=now, done=done, rate=0.0, gap=0.0, samples=0, seconds=0.0)
    if pace.at is None:
        return msgspec.structs.replace(pace, at=now, done=done)
    if done == pace.done or now <= pace.at:
        return pace
    seconds = now - pace.at
    alpha = ALPHA if pace.samples else 1.0
    gap = (1 - alpha) * pace.gap + alpha * seconds
    items = (1 - alpha) * pace.rate * pace.gap + alpha * (done - pace.done)
    return msgspec.structs.replace(
        pace,
        at=now,
        done=done,
        rate=items / gap,
        gap=gap,
        samples=pace.samples + 1,
        seconds=pace.seconds + seconds,
        run_samples=pace.run_samples + 1,
        run_seconds=pace.run_seconds + seconds,
    )


def observed(pace: Pace, counters: Mapping[str, int], now: float) -> Pace:
    """The pace after looking at all ``counters`` at work at ``now``."""
    seconds = 0.0 if pace.seen is None else max(now - pace.seen, 0.0)
    grown = {name: _grown(pace.counters.get(name, Growth(done)), done, seconds) for name, done in counters.items()}
    return msgspec.structs.replace(pace, seen=now, worked=pace.worked + seconds, counters=pace.counters | grown)


def _grown(before: Growth, done: int, seconds: float) -> Growth:
    fading = 0.5 ** (seconds / HALF_LIFE)
    more = max(done - before.done, 0)
    return Growth(
        done,
        items=before.items * fading + more,
        seconds=before.seconds * fading + seconds,
        worked=before.worked + seconds,
        samples=before.samples + bool(more),
    )


def interrupted(pace: Pace) -> Pace:
    """The pace at the begin of a wait: it leaves out the time until the next call."""
    return msgspec.structs.replace(pace, at=None, seen=None)


def expires_at(pace: Pace) -> float | None:
    """When the pace becomes too old without another sample; ``None`` while it is interrupted."""
    return None if pace.at is None else pace.at + max(MAX_GAPS * pace.gap, MIN_PACE_SECONDS)


def known_rate(pace: Pace) -> float | None:
    """Items a second once there are enough samples."""
    return pace.rate if pace.samples >= MIN_SAMPLES else None


def estimate(
    pace: Pace, left: float | None, here: Sequence[float], later: Sequence[Sequence[float]], now: float
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


def _rest_of_current(pace: Pace, left: float | None, here: Sequence[float]) -> SecondsRange | None:
    by_rate = left / pace.rate if left is not None and pace.samples >= MIN_SAMPLES else None
    by_history = max(median(here) - pace.seconds, 0.0) if here and pace.seconds < max(here) else None
    if by_rate is None:
        if by_history is None:
            return None
        spread = _spread(here)
        return SecondsRange(max(spread.low - pace.seconds, 0.0), max(spread.high - pace.seconds, 0.0))
    trust = min(pace.samples / TRUSTED_SAMPLES, 1.0) if by_history is not None else 1.0
    return around(trust * by_rate + (1 - trust) * (by_history or 0.0), pace.samples)


def around(seconds: float, samples: int) -> SecondsRange:
    """A range around measured seconds: the fewer samples, the wider."""
    doubt = 0.15 + 0.5 / math.sqrt(samples)
    return SecondsRange(seconds * (1 - doubt), seconds * (1 + doubt))


def _spread(seconds: Sequence[float]) -> SecondsRange:
    if len(seconds) == 1:
        return SecondsRange(seconds[0] * 0.75, seconds[0] * 1.25)
    low, _, high = quantiles(seconds, n=4, method="inclusive")
    return SecondsRange(low, high)


def coarse(exact: SecondsRange) -> SecondsRange:
    """The range, rounded outwards to tens of seconds, minutes, five minutes or half hours; never an empty range."""
    low = max(math.floor(exact.low / _unit(exact.low)), 0) * _unit(exact.low)
    high = max(math.ceil(exact.high / _unit(exact.high)) * _unit(exact.high), low + _unit(exact.high))
    return SecondsRange(float(low), float(high))


def _unit(seconds: float) -> int:
    return next(unit for limit, unit in UNITS if seconds < limit)
