"""Which records of a repository does this run want? Its range, for lists that are sorted by time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.sources.base import Context


@dataclass(frozen=True)
class Window:
    """``since`` <= time < ``until``; ``None`` is no bound. An unknown time is wanted."""

    since: datetime | None
    until: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether everything is wanted: then the provider's totals are ours."""
        return self.since is None and self.until is None

    def wants(self, moment: datetime | None) -> bool:
        """Whether a record of that time belongs to the range."""
        return not self.is_before(moment) and not (self.until and moment and moment >= self.until)

    def is_before(self, moment: datetime | None) -> bool:
        """Whether a list sorted newest first has left the range for good."""
        return bool(self.since and moment and moment < self.since)


def window(context: Context, scope: str, lag: timedelta = timedelta()) -> Window:
    """The range of ``scope``, begun ``lag`` earlier for things that change without moving in their list."""
    since = context.since(scope)
    return Window(since - lag if since else None, context.until())
