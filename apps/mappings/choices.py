"""Which kinds of flow step are there?"""

from django.db import models


class FlowCategory(models.TextChoices):
    """What an issue in a flow step is doing; flow efficiency is active time ÷ (active + waiting time)."""

    TO_DO = "to_do", "To do"
    ACTIVE = "active", "Active"
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
