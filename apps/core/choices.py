"""How does a state carry its label, tone and icon? A member of :class:`StateChoices` holds all of them in one row.

``FAILED = "FAILED", Tone.BAD, "failed", "failed", "Failed"`` reads: value, tone, icon, past, label. ``past`` can be
missing.
"""

from enum import StrEnum
from typing import Any

from django.db import models


class Tone(StrEnum):
    """The colour that a state is shown in; ``tokens.css`` has a colour of the same name for each but neutral."""

    NEUTRAL = "neutral"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class StateChoices(models.TextChoices):
    """Choices that pages draw.

    ``icon`` is the name of an icon of the page's sprite, without ``i-``. ``past`` is the word for a run that has ended
    in this state.
    """

    tone: Tone
    icon: str
    past: str

    def __new__(cls, value: str, tone: Tone = Tone.NEUTRAL, icon: str = "", past: str = "") -> "StateChoices":
        """Make a member of its row; Django has removed the label."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.tone, member.icon, member.past = tone, icon, past
        return member

    @property
    def row(self) -> tuple[str, Tone, str, str, str]:
        """The row of this member, for other choices that share it."""
        return str(self.value), self.tone, self.icon, self.past, str(self.label)

    @classmethod
    def table(cls) -> dict[str, dict[str, Any]]:
        """All members as plain values, for scripts: label, tone, icon, past and all ``is_…`` properties."""
        questions = [
            name
            for base in cls.__mro__
            for name, value in vars(base).items()
            if name.startswith("is_") and isinstance(value, property)
        ]
        return {
            str(member.value): {
                "label": str(member.label),
                "tone": member.tone.value,
                "icon": member.icon,
                "past": member.past,
                **{question: getattr(member, question) for question in questions},
            }
            for member in cls
        }
