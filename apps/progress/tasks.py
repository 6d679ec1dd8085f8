"""Which tasks of this app do workers run? They take ids only; everything else is in the database."""

from uuid import UUID

from celery import shared_task

from apps.progress import notices


@shared_task(name="progress.send_notice")
def send_notice(*, notice_id: str) -> None:
    """Tell one person that a run has ended."""
    notices.send(UUID(notice_id))
