"""Who works on it? The people and bots of a provider."""

from django.db import models

from apps.warehouse.models.base import LoadedModel


class User(LoadedModel):
    """A person or bot of the provider."""

    login = models.TextField(default="")
    display_name = models.TextField(default="")
    email = models.TextField(default="")
    account_type = models.TextField(default="")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.display_name or self.login or self.external_id
