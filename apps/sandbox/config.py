"""Which options does the sandbox have, and which credentials does it accept?"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

TOKEN = "sandbox-token"  # noqa: S105 - a public sample credential
FURTHER_TOKENS = ("sandbox-token-2", "sandbox-token-3")
TOKEN_WITHOUT_SCOPES = "sandbox-noscope"  # noqa: S105 - a public sample credential


def start_of_week() -> datetime:
    """Monday 00:00 UTC of this week, the end of the sample history.

    So the history is recent, and within a week equal seeds give equal bytes.
    """
    now = datetime.now(UTC)
    return (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class Options:
    """Size and behaviour of one sandbox. Equal `seed`, sizes and `until` give equal bytes."""

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    issues: int = 2000
    prs: int = 300
    large_issues: int = 0
    ids_per_page: int = 5000
    latency_ms: float = 0.0
    faults: Path | None = None
    until: datetime = field(default_factory=start_of_week)

    def __post_init__(self) -> None:
        """Refuse sizes that are too small."""
        if self.issues < 20:
            raise ValueError(f"--issues must be at least 20 (a believable site needs that many), not {self.issues}.")
        if self.prs < 20:
            raise ValueError(f"--prs must be at least 20 (every kind of pull request once), not {self.prs}.")
        if not 0 <= self.large_issues <= self.issues:
            raise ValueError(f"--large-issues must be 0 to --issues, not {self.large_issues}.")
        if self.ids_per_page < 1:
            raise ValueError(f"--ids-per-page must be at least 1, not {self.ids_per_page}.")
        if self.latency_ms < 0:
            raise ValueError(f"--latency-ms must be 0 or more, not {self.latency_ms}.")
