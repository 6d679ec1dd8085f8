"""Which kinds of flow step are there?"""

from django.db import models


class FlowCategory(models.TextChoices):
    """The state of work in a flow step. Flow efficiency is active time ÷ (active time + waiting time)."""

    TO_DO = "to_do", "To do"
    ACTIVE = "active", "Active"
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
