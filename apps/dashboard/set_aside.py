"""Which records were set aside, grouped so that a thousand of one kind are one line?"""

import json
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from apps.raw.models import Quarantine, QuarantineState
from apps.tenants.models import Tenant

LISTED = 200
SHOWN = 200_000  # characters of a payload in a page


@dataclass(frozen=True)
class Group:
    """Errors of the same kind at the same place: their number and the newest of them."""

    newest: Quarantine
    number: int


def groups(tenant: Tenant) -> list[Group]:
    """What is open, the largest group first."""
    rows = open_records(tenant)
    numbers = dict(rows.values_list("fingerprint").annotate(Count("pk")).order_by())
    newest = rows.select_related("integration").order_by("fingerprint", "-created_at").distinct("fingerprint")
    found = [Group(record, numbers[record.fingerprint]) for record in newest if record.fingerprint in numbers]
    return sorted(found, key=lambda group: -group.number)


def open_records(tenant: Tenant, fingerprint: str = "") -> QuerySet[Quarantine]:
    """The tenant's open records, newest first; those of one group only when a fingerprint is given."""
    rows = Quarantine.objects.for_tenant(tenant).filter(state=QuarantineState.OPEN)
    rows = rows.filter(fingerprint=fingerprint) if fingerprint else rows
    return rows.order_by("-created_at", "-pk").defer("integration__token")


def record_of(tenant: Tenant, record_id: int) -> Quarantine | None:
    """One record that was set aside, whatever has become of it."""
    rows = Quarantine.objects.for_tenant(tenant).select_related("integration", "raw").defer("integration__token")
    return rows.filter(pk=record_id).first()


def pretty(payload: str) -> str:
    """A provider's JSON with indents, cut where it would be too long for a page; any other text as it is."""
    try:
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = payload
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n… cut here: {len(text):,} characters in all."
