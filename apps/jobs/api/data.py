"""What can a program ask about the data of runs? Whether it is complete, and what was set aside."""

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
from apps.raw.selectors import Wanted, quarantined
from apps.tenants.api_auth import member_tenant
from apps.tenants.current import actor
from apps.tenants.models import Role

router = Router(tags=["data"])

PAGE = 100
MOST_IDS = 1000


class MissingAnswer(Schema):
    """How many records are missing, and the ids of some, a hundred at most."""

    number: int
    ids: list[str]


class ProofLineAnswer(Schema):
    """One kind in one project or repository; null where a number does not apply, ``exact`` where ids were listed."""

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
    """``complete`` is whether nothing is missing; ``problems`` says in sentences what is."""

    run: UUID
    state: str
    outcome: str
    complete: bool
    problems: list[str]
    lines: list[ProofLineAnswer]


class Filter(Schema):
    """Which records are meant: by integration, stage, kind, state, text in id or error, group, ids; "" is any."""

    integration: int | None = None
    stage: Text = ""
    entity: Text = ""
    state: Literal["open", "resolved", "dismissed", ""] = "open"
    text: Annotated[Text, Field(max_length=200)] = ""
    fingerprint: Text = ""
    ids: list[int] = Field([], max_length=MOST_IDS)

    def wanted(self) -> Wanted:
        """As the selectors take it."""
        return Wanted(**{name: getattr(self, name) for name in Filter.model_fields})


class Asked(Filter):
    """The records, and why. A condition that does not exist is refused: it would mean all records."""

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
    """With the provider's JSON as it came; null where none is kept."""

    payload: str | None


class SetAsidePage(Schema):
    """The newest records, and how many there are in all; ``before`` is the id to ask for the next page with."""

    number: int
    records: list[SetAside]
    before: int | None


class Retried(Schema):
    """The runs that try ``records`` again; ``refused`` says why those of other jobs were left alone."""

    records: int
    runs: list[UUID]
    refused: list[str]


class Dismissed(Schema):
    """How many records were given up."""

    records: int


@router.get("/runs/{uuid:run_id}/proof", response=ProofAnswer, summary="Is everything there?")
def get_proof(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """What the run was to bring, and what of it is stored, loaded and embedded; empty until the run has finished."""
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


@router.get("/quarantine", response=SetAsidePage, summary="What was set aside?")
def list_quarantine(request: HttpRequest, wanted: Query[Filter], before: int | None = None) -> dict[str, Any]:
    """The newest records that the filter finds, a hundred at a time."""
    rows = quarantined(member_tenant(request), wanted.wanted())
    page = rows.filter(pk__lt=before) if before else rows
    found = list(page.order_by("-pk")[: PAGE + 1])
    more = found[PAGE - 1].pk if len(found) > PAGE else None
    return {"number": rows.count(), "records": found[:PAGE], "before": more}


@router.get("/quarantine/{int:record_id}", response=SetAsideWithPayload, summary="One record that was set aside")
def get_quarantine(request: HttpRequest, record_id: int) -> Quarantine:
    """The record with its payload."""
    rows = Quarantine.objects.for_tenant(member_tenant(request)).select_related("raw")
    record = rows.filter(pk=record_id).first()
    if record is None:
        raise HttpError(404, f"There is no record {record_id} that was set aside.")
    record.payload = record.raw.payload if record.raw else None  # type: ignore[attr-defined]
    return record


@router.post("/quarantine/retry", response={202: Retried}, summary="Try records again")
def retry(request: HttpRequest, body: Asked) -> Status[dict[str, Any]]:
    """From what is stored, with no request to the provider: a run for each job concerned; 409 when none may begin."""
    tenant = member_tenant(request, Role.OPERATOR)
    retried = quarantine.retry(tenant, body.wanted(), actor=actor(request), reason=body.reason)
    if not retried.runs:
        raise HttpError(409, " ".join(retried.refused) or "Nothing that is set aside matches.")
    runs = [run.pk for run in retried.runs]
    return Status(202, {"records": retried.records, "runs": runs, "refused": retried.refused})


@router.post("/quarantine/dismiss", response=Dismissed, summary="Give records up")
def dismiss(request: HttpRequest, body: Asked) -> dict[str, Any]:
    """They are kept with who dismissed them and why; 422 without a reason."""
    tenant = member_tenant(request, Role.OPERATOR)
    try:
        return {"records": quarantine.dismiss(tenant, body.wanted(), actor=actor(request), reason=body.reason)}
    except quarantine.MissingReasonError as error:
        raise HttpError(422, str(error)) from error
