"""How does a state carry its label, tone and icon? A member of :class:`StateChoices` holds all of them in one row.

``FAILED = "FAILED", Tone.BAD, "failed", "Failed"`` reads: value, tone, icon, label.
"""

from enum import StrEnum

from django.db import models


class Tone(StrEnum):
    """The colour that a state is shown in; ``tokens.css`` has a colour of the same name for each but neutral."""

    NEUTRAL = "neutral"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class StateChoices(models.TextChoices):
    """Choices that pages draw. ``icon`` is the name of an icon of the page's sprite, without ``i-``."""

    tone: Tone
    icon: str

    def __new__(cls, value: str, tone: Tone = Tone.NEUTRAL, icon: str = "") -> "StateChoices":
        """Make a member of its row; Django has removed the label."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.tone, member.icon = tone, icon
        return member

    @property
    def row(self) -> tuple[str, Tone, str, str]:
        """The row of this member, for other choices that share it."""
        return str(self.value), self.tone, self.icon, str(self.label)
