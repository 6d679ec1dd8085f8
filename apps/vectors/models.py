"""What is in the vector store? One row per document, written after Qdrant has confirmed all its points."""

from django.db import models

from apps.integrations.models import BulkModel


class Embedding(BulkModel):
    """A document with points in the collection of ``model``, and the hashes of its text and payload then."""

    kind = models.TextField(help_text="The loaded table: issue, issue_comment, pull_request, review …")
    external_id = models.TextField(help_text="The provider's id of the document.")
    row_id = models.BigIntegerField(help_text="The row of the loaded table.")
    model = models.TextField(help_text="The embedder's name, with its version.")
    preparation = models.TextField(
        db_default="", help_text="How its text was cut into passages; empty: a point for the whole text."
    )
    passages = models.IntegerField(db_default=1, help_text="How many points it has, one for each passage of its text.")
    text_hash = models.TextField()
    payload_hash = models.TextField()
    embedded_at = models.DateTimeField(help_text="When the points were last written.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "kind", "external_id", "model"], name="embedding_of_document_by_model"
            )
        ]
        indexes = [
            models.Index(fields=["kind", "row_id"], name="embedding_of_row"),
            models.Index(fields=["tenant", "id"], name="embedding_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id}"
