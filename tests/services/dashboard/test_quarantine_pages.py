"""Do the pages and the API show proofs and records set aside, and may only operators retry and dismiss them?"""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client
from django.utils import timezone

from apps.jobs.choices import Outcome, RunMode
from apps.jobs.lifecycle import services
from apps.jobs.models import Job, Run
from apps.jobs.proof import lines as proof
from apps.jobs.proof.lines import Missing, ProofLine
from apps.progress.choices import RunState
from apps.raw.models import Quarantine, QuarantineState, RawRecord


def set_aside(job: Job, number: int, **values: Any) -> Quarantine:
    assert job.integration
    record = RawRecord.across_tenants.create(
        tenant=job.tenant,
        integration=job.integration,
        entity="issue",
        external_id=str(number),
        content_hash=bytes([number]),
        payload='{"key": "PAY-1"}',
        fetched_at=timezone.now(),
    )
    defaults = {
        "run": services.current_run(job).pk if job.runs.exists() else "00000000-0000-0000-0000-000000000000",
        "step": "jira_issues_with_changelogs",
        "stage": "transform",
        "entity": "issue",
        "external_id": str(number),
        "raw": record,
        "error": "ValueError: no date",
        "fingerprint": "same",
    }
    return Quarantine.across_tenants.create(tenant=job.tenant, integration=job.integration, **(defaults | values))


def post(browser: Client, path: str, **body: Any) -> Any:
    return browser.post(path, json.dumps(body), content_type="application/json")


def text(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def finished(run: Run) -> Run:
    """A run in whose proof every column lacks records."""
    lines = [
        ProofLine("issue", "GROW", listed=2, exact=True, extracted=2, transformed=2, loaded=2, texts=2, embedded=2),
        ProofLine(
            "issue",
            "PAY",
            listed=5,
            exact=True,
            extracted=4,
            transformed=3,
            loaded=2,
            texts=2,
            embedded=1,
            set_aside=1,
            missing_raw=Missing(1, ["10"]),
            missing_loaded=Missing(1, ["11"]),
            missing_embedded=Missing(150, ["12"]),
        ),
        ProofLine("issue_changelog", "PAY", extracted=4, transformed=4),
    ]
    Run.across_tenants.filter(pk=run.pk).update(
        state=RunState.FINISHED,
        outcome=Outcome.INCOMPLETE,
        proof=proof.encode(lines),
        counts={"loaded": {"issue": 700}, "extracted": {"issue": 700, "issue_changelog": 650}},
    )
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("page", ["/runs/{run}/", "/jobs/{job}/"])
def test_all_missing_records_are_listed_by_id(finished: Run, viewer: Client, page: str) -> None:
    shown = " ".join(text(viewer, page.format(run=finished.pk, job=finished.job_id)).split())
    assert "Some records are missing. They are listed below." in shown
    for words in ("listed by the provider, but not stored", "stored, but not loaded", "loaded, but not embedded"):
        assert words in shown
    assert "<code>10</code>" in shown
    for stored in ("11", "12"):
        assert f'href="/admin/raw/rawrecord/?q={stored}">{stored}</a>' in shown
    assert "and 149 more" in shown


def test_a_proof_shows_projects_and_links_to_records_set_aside(finished: Run, viewer: Client) -> None:
    shown = text(viewer, f"/runs/{finished.pk}/")
    assert shown.count('class="place"') == 3
    assert f"/quarantine/?entity=issue&amp;integration={finished.integration_id}" in shown
    assert "700" in shown


def test_a_run_without_a_difference_is_shown_as_complete(finished: Run, viewer: Client) -> None:
    lines = [ProofLine("issue", "PAY", listed=1, exact=True, extracted=1, transformed=1, loaded=1, texts=1, embedded=1)]
    Run.across_tenants.filter(pk=finished.pk).update(proof=proof.encode(lines), outcome=Outcome.COMPLETE)
    assert "All records of this run are stored, loaded and embedded." in text(viewer, f"/runs/{finished.pk}/")


def test_the_api_returns_the_stored_proof(finished: Run, viewer: Client) -> None:
    answer = viewer.get(f"/api/runs/{finished.pk}/proof").json()
    assert (answer["outcome"], answer["complete"], len(answer["problems"])) == ("incomplete", False, 3)
    (pay,) = [line for line in answer["lines"] if line["scope"] == "PAY" and line["kind"] == "issue"]
    assert pay["missing_embedded"] == {"number": 150, "ids": ["12"]}
    assert (pay["listed"], pay["exact"], pay["differs"]) == (5, True, True)


def test_a_proof_of_another_tenant_is_not_found(foreign_run: Run, viewer: Client) -> None:
    assert viewer.get(f"/api/runs/{foreign_run.pk}/proof").status_code == 404


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", True),
        ("entity=issue&stage=transform&text=date", True),
        ("entity=sprint", False),
        ("stage=embedding", False),
        ("state=dismissed", False),
        ("text=other", False),
        ("state=nonsense&integration=nonsense", True),
    ],
)
def test_records_set_aside_are_filtered_by_the_address(run: Run, viewer: Client, query: str, shown: bool) -> None:
    set_aside(run.job, 1)
    assert ("1 record<" in text(viewer, f"/quarantine/?{query}")) is shown


def test_a_viewer_is_told_why_records_cannot_be_retried(run: Run, viewer: Client) -> None:
    record = set_aside(run.job, 1)
    for page in ("/quarantine/", "/quarantine/same/", f"/quarantine/record/{record.pk}/"):
        shown = text(viewer, page)
        assert "data-resolve=" not in shown
        assert "This needs the Operator role" in shown


def test_an_operator_can_retry_and_dismiss_the_filtered_records(run: Run, operator: Client) -> None:
    record = set_aside(run.job, 1)
    shown = text(operator, "/quarantine/same/?text=date&entity=issue")
    assert set(re.findall(r'data-resolve="(\w+)"', shown)) == {"retry", "dismiss"}
    assert 'data-text="date"' in shown
    assert 'data-fingerprint="same"' in shown
    assert f'data-ids="{record.pk}"' in text(operator, f"/quarantine/record/{record.pk}/")


def test_a_record_without_a_payload_offers_no_retry(run: Run, operator: Client) -> None:
    record = set_aside(run.job, 1, raw=None)
    shown = text(operator, f"/quarantine/record/{record.pk}/")
    assert "data-resolve=" not in shown
    assert "The next run that reads this record tries it again" in shown


def test_the_api_lists_pages_and_shows_the_payload(run: Run, viewer: Client) -> None:
    records = [set_aside(run.job, number) for number in range(1, 4)]
    answer = viewer.get("/api/quarantine?entity=issue&text=date").json()
    assert (answer["number"], answer["before"]) == (3, None)
    assert [one["id"] for one in answer["records"]] == [record.pk for record in reversed(records)]
    one = viewer.get(f"/api/quarantine/{records[0].pk}").json()
    assert (one["external_id"], one["payload"]) == ("1", '{"key": "PAY-1"}')


def test_a_record_of_another_tenant_is_neither_shown_nor_changed(foreign_run: Run, run: Run, operator: Client) -> None:
    foreign = set_aside(foreign_run.job, 1)
    assert operator.get(f"/api/quarantine/{foreign.pk}").status_code == 404
    assert operator.get("/api/quarantine").json()["number"] == 0
    assert post(operator, "/api/quarantine/dismiss", ids=[foreign.pk], reason="mine").json() == {"records": 0}
    assert post(operator, "/api/quarantine/retry", ids=[foreign.pk]).status_code == 409
    foreign.refresh_from_db()
    assert foreign.state == QuarantineState.OPEN


@pytest.mark.parametrize("action", ["retry", "dismiss"])
def test_only_operators_may_act(job: Job, viewer: Client, action: str) -> None:
    set_aside(job, 1)
    assert post(viewer, f"/api/quarantine/{action}", reason="why not").status_code == 403
    assert post(Client(), f"/api/quarantine/{action}", reason="why not").status_code == 401
    assert Quarantine.objects.for_tenant(job.tenant).get().state == QuarantineState.OPEN


def test_a_retry_answers_with_the_run_that_does_it(job: Job, operator: Client) -> None:
    set_aside(job, 1)
    set_aside(job, 2)
    answer = post(operator, "/api/quarantine/retry", text="1", reason="the parser is fixed")
    assert (answer.status_code, answer.json()["records"]) == (202, 1)
    run = Run.objects.for_tenant(job.tenant).get(pk=answer.json()["runs"][0])
    assert run.mode == RunMode.RETRANSFORM


def test_a_busy_job_says_why_nothing_is_retried(run: Run, operator: Client) -> None:
    set_aside(run.job, 1)
    answer = post(operator, "/api/quarantine/retry")
    assert answer.status_code == 409
    assert "is running: it cannot start" in answer.json()["detail"]


def test_a_dismissal_needs_a_reason_and_is_shown_with_it(job: Job, operator: Client) -> None:
    record = set_aside(job, 1)
    refused = post(operator, "/api/quarantine/dismiss", ids=[record.pk])
    assert refused.status_code == 422
    assert "Say why" in refused.json()["detail"]
    assert post(operator, "/api/quarantine/dismiss", ids=[record.pk], reason="<b>known</b>").json() == {"records": 1}
    shown = text(operator, f"/quarantine/record/{record.pk}/")
    assert "&lt;b&gt;known&lt;/b&gt;" in shown
    assert "some-operator" in shown
    assert "1 record<" not in text(operator, "/quarantine/")


@pytest.mark.parametrize(("action", "state"), [("dismiss", QuarantineState.DISMISSED), ("retry", QuarantineState.OPEN)])
def test_the_admin_site_can_do_both(job: Job, operator: Client, action: str, state: str) -> None:
    record = set_aside(job, 1)
    chosen = {"action": action, ACTION_CHECKBOX_NAME: [record.pk], "reason": "known"}
    assert operator.post("/admin/raw/quarantine/", chosen).status_code == 302
    record.refresh_from_db()
    assert record.state == state
    assert job.runs.count() == (action == "retry")


def test_the_admin_site_refuses_a_dismissal_without_a_reason(job: Job, operator: Client) -> None:
    record = set_aside(job, 1)
    operator.post("/admin/raw/quarantine/", {"action": "dismiss", ACTION_CHECKBOX_NAME: [record.pk]})
    record.refresh_from_db()
    assert record.state == QuarantineState.OPEN
