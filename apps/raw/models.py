"""What did the providers send, when, and which records could not be used?

Only the unique constraints begin with the integration. While its statistics lag behind a load, PostgreSQL would take
any other index that begins with it, and read all rows of the integration to find one.
"""

from django.db import models

from apps.core.models import TenantModel
from apps.integrations.models import Integration


class RawRecord(TenantModel):
    """One version of one provider object: its unchanged JSON, stored once per content.

    This is the largest table of the product. It is written by COPY. The writer checks its references once per batch;
    the database would do it once per row.
    """

    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    entity = models.CharField(max_length=60)
    external_id = models.TextField()
    scope = models.TextField(blank=True, default="", help_text="Project key or repository.")
    content_hash = models.BinaryField(max_length=16, help_text="BLAKE2b-128 of the payload.")
    payload = models.TextField(help_text="The provider's JSON; read it by the property content or text.")
    exact_payload = models.BinaryField(null=True, help_text="Its bytes, only if the database cannot hold them as text.")
    request = models.TextField(blank=True, default="", help_text="The call it came from.")
    provider_updated_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField()
    is_current = models.BooleanField(default=True)
    run = models.UUIDField(null=True, help_text="The run that stored this version or made it current again.")

    class Meta:
        db_table = "raw_extraction_data"
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "entity", "external_id", "content_hash"], name="raw_content_stored_once"
            ),
            models.UniqueConstraint(
                fields=["integration", "entity", "external_id"],
                condition=models.Q(is_current=True),
                name="raw_one_current",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "entity"], name="raw_by_run"),
            models.Index(fields=["id"], condition=models.Q(is_current=False), name="raw_replaced"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.external_id}"

    @property
    def content(self) -> bytes:
        """The provider's JSON, byte for byte."""
        return self.payload.encode() if self.exact_payload is None else bytes(self.exact_payload)

    @property
    def text(self) -> str:
        r"""The provider's JSON for people; a byte that is no text is written as ``\xff``."""
        return self.content.decode(errors="backslashreplace").replace("\x00", r"\x00")


class ListedId(models.Model):
    """An id that a list of the provider contained in a run. If a stored record is not listed, it may be gone.

    The rows are kept only until the run has ended.
    """

    run = models.UUIDField()
    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    entity = models.CharField(max_length=60)
    external_id = models.TextField()
    scope = models.TextField(blank=True, default="")

    class Meta:
        db_table = "raw_seen"
        verbose_name_plural = "listed ids"
        constraints = [models.UniqueConstraint(fields=["run", "entity", "external_id"], name="seen_once_per_run")]

    def __str__(self) -> str:
        return f"{self.entity} {self.external_id}"


class Tombstone(TenantModel):
    """A provider object that is gone, with the evidence. Its raw versions and rows stay, marked as deleted."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="+", db_index=False)
    entity = models.CharField(max_length=60)
    external_id = models.TextField()
    scope = models.TextField(blank=True, default="")
    evidence = models.TextField(help_text="The answer that proves it.")
    run = models.UUIDField()
    found_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["integration", "entity", "external_id"], name="one_tombstone_per_record")
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.external_id}: {self.evidence}"


class QuarantineState(models.TextChoices):
    """The state of a record in quarantine."""

    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"
    DISMISSED = "dismissed", "Dismissed"


class Quarantine(TenantModel):
    """A record that could not be parsed, loaded or embedded, with its error. All other records are processed."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.UUIDField()
    step = models.CharField(max_length=60)
    stage = models.CharField(max_length=20)
    entity = models.CharField(max_length=60)
    external_id = models.TextField()
    raw = models.ForeignKey(RawRecord, null=True, on_delete=models.SET_NULL, related_name="+")
    error = models.TextField()
    fingerprint = models.CharField(max_length=32, help_text="Equal for errors of the same kind at the same place.")
    state = models.CharField(max_length=10, choices=QuarantineState, default=QuarantineState.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True, help_text="Why a person dismissed it.")

    class Meta:
        verbose_name_plural = "quarantine"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["integration", "stage", "entity", "external_id"], name="quarantined_once")
        ]
        indexes = [models.Index(fields=["fingerprint"], name="quarantine_by_fingerprint")]

    def __str__(self) -> str:
        return f"{self.entity} {self.external_id}: {self.error}"
