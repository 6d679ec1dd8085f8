"""What can a program ask about the data of a run? Whether it is complete, and which records were set aside."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import ConfigDict

from apps.jobs.api.jobs import Reason, Text
from apps.jobs.models import Run
from apps.jobs.proof import lines as proof
from apps.jobs.quarantine import services as quarantine
from apps.raw.models import Quarantine
from apps.raw.selectors import QuarantineQuery, quarantined
from apps.tenants.api_auth import member_tenant
from apps.tenants.current import actor
from apps.tenants.models import Role

router = Router(tags=["data"])

RECORDS_PER_PAGE = 100
MAX_FILTER_IDS = 1000


class MissingAnswer(Schema):
    """How many records are missing, and the ids of at most a hundred of them."""

    number: int
    ids: list[str]


class ProofLineAnswer(Schema):
    """One kind in one project or repository; a number that does not apply is null, ``exact``: ids were listed."""

    kind: str
    scope: str
    listed: int | None
    exact: bool
    extracted: int | None
    transformed: int | None
    loaded: int | None
    texts: int | None
    embedded: int | None
    set_aside: int
    dismissed: int
    missing_raw: MissingAnswer
    missing_loaded: MissingAnswer
    missing_embedded: MissingAnswer
    nothing_found: bool
    differs: bool


class ProofAnswer(Schema):
    """``complete``: nothing is missing; otherwise ``problems`` says in sentences what is."""

    run: UUID
    state: str
    outcome: str
    complete: bool
    problems: list[str]
    lines: list[ProofLineAnswer]


class Filter(Schema):
    """Which records: by integration, stage, kind, state, a text in id or error, group of errors, ids; "" means any."""

    integration: int | None = None
    stage: Text = ""
    entity: Text = ""
    state: Literal["open", "resolved", "dismissed", ""] = "open"
    text: Annotated[Text, Field(max_length=200)] = ""
    fingerprint: Text = ""
    ids: list[int] = Field([], max_length=MAX_FILTER_IDS)

    def wanted(self) -> QuarantineQuery:
        """The filter for the selectors."""
        return QuarantineQuery(**{name: getattr(self, name) for name in Filter.model_fields})


class QuarantineRequest(Filter):
    """Which records, and why. An unknown condition is refused, because without it the filter would mean all records."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class SetAside(Schema):
    """A record that was set aside."""

    id: int
    integration: int = Field(alias="integration_id")
    run: UUID
    step: str
    stage: str
    entity: str
    external_id: str
    error: str
    fingerprint: str
    state: str
    created_at: datetime
    settled_at: datetime | None
    settled_by: str
    reason: str


class SetAsideWithPayload(SetAside):
    """A record with the provider's JSON; null if no payload is stored."""

    payload: str | None


class SetAsidePage(Schema):
    """A page of the newest records, and their total number; ``before`` is the id that asks for the next page."""

    number: int
    records: list[SetAside]
    before: int | None


class RetryAnswer(Schema):
    """The runs that retry ``records`` records; ``refused`` says why the records of other jobs are not retried."""

    records: int
    runs: list[UUID]
    refused: list[str]


class DismissAnswer(Schema):
    """How many records were dismissed."""

    records: int


@router.get("/runs/{uuid:run_id}/proof", response=ProofAnswer, summary="Is everything there?")
def get_proof(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """What was listed, stored, loaded and embedded, and what is missing; empty until the run has finished."""
    run = Run.objects.for_tenant(member_tenant(request)).filter(pk=run_id).first()
    if run is None:
        raise HttpError(404, f"There is no run {run_id}.")
    lines = proof.decode(run.proof)
    return {
        "run": run.pk,
        "state": run.state,
        "outcome": run.outcome,
        "complete": bool(run.outcome) and not any(line.differs for line in lines),
        "problems": list(proof.sentences(lines)),
        "lines": lines,
    }


@router.get("/quarantine", response=SetAsidePage, summary="List the records that were set aside")
def list_quarantine(request: HttpRequest, wanted: Query[Filter], before: int | None = None) -> dict[str, Any]:
    """The newest records that match the filter, a hundred per page."""
    rows = quarantined(member_tenant(request), wanted.wanted())
    page = rows.filter(pk__lt=before) if before else rows
    found = list(page.order_by("-pk")[: RECORDS_PER_PAGE + 1])
    more = found[RECORDS_PER_PAGE - 1].pk if len(found) > RECORDS_PER_PAGE else None
    return {"number": rows.count(), "records": found[:RECORDS_PER_PAGE], "before": more}


@router.get("/quarantine/{int:record_id}", response=SetAsideWithPayload, summary="One record that was set aside")
def get_quarantine(request: HttpRequest, record_id: int) -> Quarantine:
    """The record with its payload."""
    rows = Quarantine.objects.for_tenant(member_tenant(request)).select_related("raw")
    record = rows.filter(pk=record_id).first()
    if record is None:
        raise HttpError(404, f"No record {record_id} was set aside.")
    record.payload = record.raw.text if record.raw else None  # type: ignore[attr-defined]
    return record


@router.post("/quarantine/retry", response={202: RetryAnswer}, summary="Retry records")
def retry(request: HttpRequest, body: QuarantineRequest) -> Status[dict[str, Any]]:
    """Retry from what is stored, without a request to the provider: one run per job; 409 if no run can start."""
    tenant = member_tenant(request, Role.OPERATOR)
    retried = quarantine.retry(tenant, body.wanted(), actor=actor(request), reason=body.reason)
    if not retried.runs:
        raise HttpError(409, " ".join(retried.refused) or "No record that was set aside matches.")
    runs = [run.pk for run in retried.runs]
    return Status(202, {"records": retried.records, "runs": runs, "refused": retried.refused})


@router.post("/quarantine/dismiss", response=DismissAnswer, summary="Dismiss records")
def dismiss(request: HttpRequest, body: QuarantineRequest) -> dict[str, Any]:
    """The records are kept with the name and the reason of the user who dismissed them; 422 without a reason."""
    tenant = member_tenant(request, Role.OPERATOR)
    try:
        return {"records": quarantine.dismiss(tenant, body.wanted(), actor=actor(request), reason=body.reason)}
    except quarantine.MissingReasonError as error:
        raise HttpError(422, str(error)) from error
