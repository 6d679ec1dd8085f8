"""What do all loaded tables have in common? The tenant, the origin of a row, and whether it is deleted."""

from django.db import models

from apps.integrations.models import BulkModel


class LoadedModel(BulkModel):
    """A row that the loader wrote. Its other columns are the fields of a struct of :mod:`apps.sources.rows`.

    A column that points to another record holds that record's ``external_id`` ("" for none) within the same
    integration. A row with a ``deleted_at`` is a tombstone: the provider has no such object any more.
    """

    # Only the unique constraint has the integration; all other indexes have the tenant. So PostgreSQL cannot look up
    # the rows of a batch in a wrong index while its statistics say that the table is empty.
    external_id = models.TextField()
    raw = models.BigIntegerField(null=True, help_text="Id of the raw version that this row came from.")
    loaded_at = models.DateTimeField(help_text="When a column of this row last changed.")
    deleted_at = models.DateTimeField(null=True, help_text="When its absence at the provider was noticed.")

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["integration", "external_id"], name="%(app_label)s_%(class)s_key")
        ]

    def __str__(self) -> str:
        return self.external_id
