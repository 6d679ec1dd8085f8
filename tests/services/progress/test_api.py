"""Does the API say what a live message looks like?"""

from django.test import Client

from apps.tenants.models import Tenant
from tests.services.progress.conftest import browser_of, member_of


def test_the_schema_of_the_live_messages_is_an_end_point(acme: Tenant) -> None:
    schema = browser_of(member_of(acme)).get("/api/live-schema").json()
    assert {"seq", "progress", "eta", "plan"} <= set(schema["$defs"]["RunMessage"]["properties"])


def test_nobody_reads_the_schema_without_logging_in(db: None) -> None:
    assert Client().get("/api/live-schema").status_code == 401
