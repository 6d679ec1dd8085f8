"""How do counts, rates and times read? The same words in messages, pages and terminals."""

import math

from apps.progress.engine.bar import TotalKind
from apps.progress.engine.eta import Range


def step_message(title: str, done: int, total: int, kind: TotalKind, rate: float | None) -> str:
    """``Fetch Issues from API: 1,200 of 5,000 (240/s)``; ``≈`` marks an estimated total, an unknown one is left out."""
    if not done and not total:
        return title
    count = {
        TotalKind.EXACT: f"{done:,} of {total:,}",
        TotalKind.ESTIMATE: f"{done:,} of ≈{max(total, done):,}",
        TotalKind.UNKNOWN: f"{done:,} so far",
    }[kind]
    return f"{title}: {count}{f' ({rate_words(rate)})' if rate else ''}"


def whole_percent(percent: float) -> int:
    """A percent as every page, script and API shows it: rounded down, so that 100 means success and nothing else."""
    return math.floor(percent)


def rate_words(rate: float) -> str:
    """``240/s``, ``2.5/s`` or ``24/min``."""
    if rate >= 9.95:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.0f}/min"


def range_words(span: Range) -> str:
    """``4–6 min``, ``20–40 s``, ``1.5–2 h``; ``under 2 min`` where the range begins at nothing."""
    unit, name = (1, "s") if span.high <= 60 else (60, "min") if span.high <= 3600 else (3600, "h")
    if not span.low:
        return f"under {span.high / unit:g} {name}"
    return f"{span.low / unit:.3g}–{span.high / unit:.3g} {name}"
