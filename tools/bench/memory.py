"""How much memory does each process of the product need at most, while it loads a Jira site with large issues?

The processes are those of ``manage.py stack up``, with the same commands. Meanwhile somebody looks at the pages.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle
from typing import Any
from uuid import uuid4

import requests
from django.test import Client

from apps.jobs.choices import RunMode
from apps.jobs.models import Run
from apps.progress.choices import ENDED
from apps.stack.processes import preparations, product
from apps.tenants.models import Role
from apps.tenants.services import add_membership, create_user
from tests.platform import Platform, build
from tests.processes import Sandbox, free_port, until
from tools.bench.runs import MAX_SECONDS, prove_complete
from tools.bench.testbed import Testbed
from tools.bench.usage import Meter
from tools.bench.workloads import WORKLOADS

Row = dict[str, Any]
LARGE_SHARE = 50  # one issue in so many is large
MIN_PULL_REQUESTS = 20  # the sandbox makes no fewer
SECONDS_BETWEEN_PAGES = 2.0


def measure(testbed: Testbed, issues: int) -> Row:
    """One full load: peak of each process (MB), seconds, requests. Raises ``IncompleteRunError``."""
    sizes = {"issues": issues, "prs": MIN_PULL_REQUESTS, "large_issues": issues // LARGE_SHARE}
    with testbed.product(), Sandbox(testbed.folder, **sizes) as sandbox:
        platform = build(sandbox, testbed.folder)
        workload = WORKLOADS["A"]
        with _programs(testbed) as (groups, address), Meter(groups) as meter:
            began = time.monotonic()
            run = platform.start(workload.job, RunMode.FULL)
            until(
                partial(_has_ended, run, _reader(platform, address, run)), f"the run in {testbed.folder}", MAX_SECONDS
            )
            seconds = time.monotonic() - began
        prove_complete(testbed, sandbox, run, workload)
        return {
            **sizes,
            "bytes": sandbox.served("bytes"),
            "seconds": round(seconds, 1),
            "load_average": round(os.getloadavg()[1], 2),
            "requests": sandbox.served(),
            "peak_mb": {name: used.peak_mb for name, used in meter.usage.items()},
        }


@contextmanager
def _programs(testbed: Testbed) -> Iterator[tuple[dict[str, list[int]], str]]:
    """The processes of the product by name, and the address of its pages."""
    port = free_port()
    environment = {**os.environ, "STATIC_ROOT": str(testbed.folder / "static")}
    _, collectstatic = preparations(testbed.folder, environment)
    collectstatic.launch()
    until(lambda: collectstatic.exit_status is not None, f"the static files (see {collectstatic.log})")
    with ExitStack() as stack:
        programs = product(testbed.folder, environment, port, free_port(), str(uuid4()))
        for program in programs:
            stack.callback(program.stop)
            program.launch()
        for program in programs:
            program.wait_ready()
        yield {program.name: [program.pid] for program in programs if program.pid}, f"http://127.0.0.1:{port}"


def _reader(platform: Platform, address: str, run: Run) -> Iterator[None]:
    """A person who looks at the pages of a run, one after the other."""
    user = create_user(username="reader", password=str(uuid4()))
    add_membership(tenant=platform.tenant, user=user, role=Role.VIEWER)
    browser = Client()
    browser.force_login(user)
    cookies = {"sessionid": browser.cookies["sessionid"].value}
    for path in cycle(("", "jobs/", f"runs/{run.pk}/", "runs/", "quarantine/", "search/?q=refund")):
        requests.get(f"{address}/{path}", cookies=cookies, timeout=60).raise_for_status()
        yield


def _has_ended(run: Run, pages: Iterator[None]) -> bool:
    next(pages)
    time.sleep(SECONDS_BETWEEN_PAGES)
    run.refresh_from_db()
    return run.state in ENDED
