"""Does a new source need only a folder and one line? ``tests/tiny`` is one, and nothing else knows it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.core.crypto import Secret
from apps.integrations.services import add_integration
from apps.jobs.lifecycle import services
from apps.jobs.lifecycle.creation import create_job
from apps.progress.choices import RunState
from apps.progress.models import RunProgress
from apps.raw.models import Quarantine
from apps.sources.registry import SOURCES
from apps.tenants.services import create_tenant
from apps.warehouse.models import Project
from tests.platform import Platform
from tests.processes import Process, Sandbox, worker
from tests.tiny import Tiny

PAGES = 3


class Notes(BaseHTTPRequestHandler):
    """Three pages of two notes, and one note that cannot be read."""

    def do_GET(self) -> None:
        page = int(parse_qs(urlsplit(self.path).query)["page"][0])
        notes = [{"id": 10 * page + number, "title": f"Note {number} of page {page}"} for number in (1, 2)]
        if page == PAGES:
            notes.append({"id": 99, "title": None})
        body = json.dumps({"notes": notes, "total": 7, "next": page + 1 if page < PAGES else None}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def notes() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Notes) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def tiny_worker(database: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    monkeypatch.setitem(SOURCES, "tiny", Tiny())
    with worker(folder, application="tests.tiny.app") as running:
        yield running


def test_a_third_source_runs_like_the_others(tiny_worker: Process, notes: str, folder: Path) -> None:
    tenant = create_tenant(slug="tiny", name="Tiny")
    integration = add_integration(tenant=tenant, provider="tiny", name="tiny", base_url=notes, token=Secret("x"))
    job = create_job(integration)
    run = services.start(job, actor="test")
    Platform(tenant, Sandbox(folder, issues=0, prs=0), folder).ended(run)

    assert (run.state, run.outcome) == (RunState.FINISHED, "with_quarantine")
    titles = Project.objects.for_tenant(tenant).order_by("external_id").values_list("name", flat=True)
    assert list(titles) == [f"Note {number} of page {page}" for page in (1, 2, 3) for number in (1, 2)]
    assert Quarantine.objects.for_tenant(tenant).get().external_id == "99"
    assert RunProgress.across_tenants.get(run=run.pk).percent == 100
