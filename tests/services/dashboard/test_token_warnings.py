"""Does the home page warn before a token expires, and only the members of its tenant?"""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from apps.core.crypto import Secret
from apps.integrations.services import set_token
from apps.jobs.models import Job, Run


def test_the_home_page_counts_down_to_the_end_of_a_token(viewer: Client, job: Job, foreign_run: Run) -> None:
    assert job.integration
    assert foreign_run.integration
    for integration, label in ((job.integration, "ours"), (foreign_run.integration, "theirs")):
        ends = timezone.now() + timedelta(days=9, hours=1)
        set_token(integration=integration, label=label, token=Secret("x"), expires_at=ends)
    page = viewer.get("/").content.decode()
    assert "The token “ours” of acme-jira expires on" in page
    assert "in 9 d" in page
    assert "theirs" not in page


def test_expired_and_refused_tokens_are_shown_and_valid_ones_are_not(operator: Client, job: Job) -> None:
    assert job.integration
    for label, days in (("gone", -1), ("good", 100)):
        ends = timezone.now() + timedelta(days=days)
        set_token(integration=job.integration, label=label, token=Secret("x"), expires_at=ends)
    refused = set_token(integration=job.integration, label="refused", token=Secret("x"))
    refused.refused_at, refused.problem = timezone.now(), "Bad credentials <b>"
    refused.save()
    page = operator.get("/").content.decode()
    assert "The token “gone” of acme-jira expired on" in page
    assert "The token “refused” of acme-jira is refused. Bad credentials &lt;b&gt;" in page
    assert "good" not in page
    assert "Open the integration" in page
