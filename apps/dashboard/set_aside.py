"""Which records were set aside? The address filters them, and equal errors are grouped into one line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Count, Max

from apps.integrations.selectors import integrations_of
from apps.raw.models import Quarantine, QuarantineState
from apps.raw.selectors import QuarantineQuery, quarantined
from apps.sources.definition import ALL_STAGES
from apps.tenants.models import Role, Tenant
from apps.tenants.permissions import may_act_as, refusal

MAX_LISTED = 200
MAX_PAYLOAD_CHARACTERS = 200_000


@dataclass(frozen=True)
class QuarantineGroup:
    """Records with the same error at the same place: the newest of them, their number, and the number of runs."""

    newest: Quarantine
    number: int
    runs: int


@dataclass(frozen=True)
class QuarantineFilter:
    """The filter in the address, and the choices of the filter form."""

    wanted: QuarantineQuery
    integrations: list[tuple[str, str]]
    entities: list[tuple[str, str]]

    stages = [(stage.value, stage.value.capitalize()) for stage in ALL_STAGES]
    states = QuarantineState.choices

    @property
    def query(self) -> str:
        """The filter as a query string, without empty values."""
        return urlencode({name: value for name, value in self.choice.items() if value})

    @property
    def choice(self) -> dict[str, str]:
        """The chosen values, as the address contains them."""
        wanted = self.wanted
        return {
            "integration": str(wanted.integration or ""),
            "stage": wanted.stage,
            "entity": wanted.entity,
            "state": wanted.state,
            "text": wanted.text,
        }


def filter_of(tenant: Tenant, query: Mapping[str, str]) -> QuarantineFilter:
    """The filter in an address. Invalid values are ignored. Without a state, open records are meant."""
    known = [(str(one.pk), one.name) for one in integrations_of(tenant)]
    entities = Quarantine.objects.for_tenant(tenant).order_by("entity").values_list("entity", flat=True).distinct()
    integration, state = query.get("integration", ""), query.get("state", QuarantineState.OPEN)
    wanted = QuarantineQuery(
        integration=int(integration) if integration in dict(known) else None,
        stage=query.get("stage", "").strip(),
        entity=query.get("entity", "").strip(),
        state=state if state in QuarantineState.values else "",
        text=query.get("text", "").strip().replace("\x00", "")[:200],
    )
    return QuarantineFilter(wanted, known, [(name, name.replace("_", " ").capitalize()) for name in entities])


def groups(tenant: Tenant, wanted: QuarantineQuery) -> list[QuarantineGroup]:
    """The groups that match the filter, the largest first."""
    rows = quarantined(tenant, wanted)
    found = list(
        rows.values("fingerprint")
        .annotate(number=Count("pk"), newest=Max("pk"), runs=Count("run", distinct=True))
        .order_by("-number", "fingerprint")[:MAX_LISTED]
    )
    newest = rows.select_related("integration").in_bulk([group["newest"] for group in found])
    return [
        QuarantineGroup(newest[group["newest"]], group["number"], group["runs"])
        for group in found
        if group["newest"] in newest
    ]


def records(tenant: Tenant, wanted: QuarantineQuery, fingerprint: str) -> tuple[list[Quarantine], int]:
    """The newest records of one group, and the number of all its records."""
    rows = quarantined(tenant, replace(wanted, fingerprint=fingerprint))
    return list(rows.select_related("integration").order_by("-created_at", "-pk")[:MAX_LISTED]), rows.count()


def record_of(tenant: Tenant, record_id: int) -> Quarantine | None:
    """One record that was set aside, in any state."""
    return Quarantine.objects.for_tenant(tenant).select_related("integration", "raw").filter(pk=record_id).first()


def why_not(role: Role | None) -> str:
    """Why a person with ``role`` may not retry or dismiss records; empty if the person may."""
    return "" if may_act_as(role, Role.OPERATOR) else refusal(role, Role.OPERATOR)


def pretty(payload: str) -> str:
    """A provider's JSON with indentation, cut if it is too long for a page. Any other text stays as it is."""
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    if len(text) <= MAX_PAYLOAD_CHARACTERS:
        return text
    return f"{text[:MAX_PAYLOAD_CHARACTERS]}\n… truncated: the payload has {len(text):,} characters."
