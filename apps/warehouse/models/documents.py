"""Which texts can be searched by meaning? The view of all loaded texts that are embedded."""

from django.db import models

from apps.core.models import TenantModel


class Document(TenantModel):
    """The text of one live row (a view): ``kind`` is the loaded table of the row, ``row_id`` the row's id there.

    ``text_hash`` is the text's MD5. ``payload`` has ``scope`` (project key or ``owner/name``; also a column of its own,
    "" while its project or repository is not loaded), ``key`` (issue key or ``owner/name#12``), ``status``, ``author``
    (name or login), ``assignees`` (names or logins), ``created_at`` and ``updated_at`` (ISO 8601). Filters by ``kind``
    and ``row_id``, or by ``integration``, use the indexes of the tables.
    """

    pk = models.CompositePrimaryKey("kind", "row_id")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.DO_NOTHING, related_name="+")
    integration = models.ForeignKey("integrations.Integration", on_delete=models.DO_NOTHING, related_name="+")
    kind = models.TextField()
    external_id = models.TextField()
    row_id = models.BigIntegerField()
    text = models.TextField()
    text_hash = models.TextField()
    payload = models.JSONField()
    scope = models.TextField()

    class Meta:
        managed = False
        db_table = "warehouse_document"

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"
