"""Which records were set aside, as the address asks, and grouped so that a thousand of one kind are one line?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Count, Max

from apps.integrations.selectors import integrations_of
from apps.raw.models import Quarantine, QuarantineState
from apps.raw.selectors import Wanted, quarantined
from apps.sources.definition import ALL_STAGES
from apps.tenants.models import Role, Tenant
from apps.tenants.permissions import may_act_as, refusal

LISTED = 200
SHOWN = 200_000  # characters of a payload in a page


@dataclass(frozen=True)
class Group:
    """Errors of the same kind at the same place: the newest of them, their number, and of how many runs they are."""

    newest: Quarantine
    number: int
    runs: int


@dataclass(frozen=True)
class Filter:
    """What the address asks for, and what can be chosen."""

    wanted: Wanted
    integrations: list[tuple[str, str]]
    entities: list[tuple[str, str]]

    stages = [(stage.value, stage.value.capitalize()) for stage in ALL_STAGES]
    states = QuarantineState.choices

    @property
    def query(self) -> str:
        """The same choice as a query, without what is empty."""
        return urlencode({name: value for name, value in self.choice.items() if value})

    @property
    def choice(self) -> dict[str, str]:
        """What was chosen, as the address says it."""
        wanted = self.wanted
        return {
            "integration": str(wanted.integration or ""),
            "stage": wanted.stage,
            "entity": wanted.entity,
            "state": wanted.state,
            "text": wanted.text,
        }


def filter_of(tenant: Tenant, query: Mapping[str, str]) -> Filter:
    """The filter in an address; what is not possible is left out, open is meant where no state is given."""
    known = [(str(one.pk), one.name) for one in integrations_of(tenant)]
    entities = Quarantine.objects.for_tenant(tenant).order_by("entity").values_list("entity", flat=True).distinct()
    integration, state = query.get("integration", ""), query.get("state", QuarantineState.OPEN)
    wanted = Wanted(
        integration=int(integration) if integration in dict(known) else None,
        stage=query.get("stage", "").strip(),
        entity=query.get("entity", "").strip(),
        state=state if state in QuarantineState.values else "",
        text=query.get("text", "").strip().replace("\x00", "")[:200],
    )
    return Filter(wanted, known, [(name, name.replace("_", " ").capitalize()) for name in entities])


def groups(tenant: Tenant, wanted: Wanted) -> list[Group]:
    """What is wanted, the largest group first."""
    rows = quarantined(tenant, wanted)
    found = list(
        rows.values("fingerprint")
        .annotate(number=Count("pk"), newest=Max("pk"), runs=Count("run", distinct=True))
        .order_by("-number", "fingerprint")[:LISTED]
    )
    newest = rows.select_related("integration").in_bulk([group["newest"] for group in found])
    return [
        Group(newest[group["newest"]], group["number"], group["runs"]) for group in found if group["newest"] in newest
    ]


def records(tenant: Tenant, wanted: Wanted, fingerprint: str) -> tuple[list[Quarantine], int]:
    """The newest records of one group, and how many it has."""
    rows = quarantined(tenant, replace(wanted, fingerprint=fingerprint))
    return list(rows.select_related("integration").order_by("-created_at", "-pk")[:LISTED]), rows.count()


def record_of(tenant: Tenant, record_id: int) -> Quarantine | None:
    """One record that was set aside, whatever has become of it."""
    return Quarantine.objects.for_tenant(tenant).select_related("integration", "raw").filter(pk=record_id).first()


def why_not(role: Role | None) -> str:
    """Why somebody with ``role`` may not retry or dismiss; empty when they may."""
    return "" if may_act_as(role, Role.OPERATOR) else refusal(role, Role.OPERATOR)


def pretty(payload: str) -> str:
    """A provider's JSON with indents, cut where it would be too long for a page; any other text as it is."""
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n… cut here: {len(text):,} characters in all."
