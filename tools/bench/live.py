"""How long does a stored change take until the browser's handler gets it? ``python -m tools.bench.live --help``.

Many sockets listen to one web process while many changes a second are stored. The delay of a state is the time at which
a socket receives it minus the time at which the writer began to store it, both by this machine's clock. At the end
every socket must know the last state of every run.
"""

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import msgspec

from apps.stack.guardian import guard
from tests.processes import ROOT, Process, answers, free_port, until
from tools.bench.testbed import Testbed

RUNS = 25
WARM_UP = 2.0  # seconds
SETTLE = 6.0  # seconds: longer than the interval at which the hub repairs lost messages
TARGETS = "targets: p50 ≤ 200 ms, p99 ≤ 350 ms"


class Head(msgspec.Struct):
    """The measured fields of a message. No other field is decoded, because all sockets share one process here."""

    type: str
    run: str
    seq: int


DECODER = msgspec.json.Decoder(list[Head])


@dataclass
class Heard:
    """What one socket received: the time of each state that was not merged, and the last number of every run."""

    times: dict[tuple[str, int], float]
    numbers: dict[str, int]


async def _listen(address: str, cookie: str, until_time: float) -> Heard:
    from websockets.asyncio.client import connect

    heard = Heard({}, {})
    headers = {"Cookie": f"sessionid={cookie}"}
    origin = address.replace("ws://", "http://").removesuffix("/ws/jobs/?bundled")
    async with connect(address, origin=origin, additional_headers=headers, compression=None) as socket:  # type: ignore[arg-type]
        while (left := until_time - time.time()) > 0:
            try:
                frame = await asyncio.wait_for(socket.recv(), left)
            except TimeoutError:
                break
            now = time.time()
            for head in DECODER.decode(frame):
                heard.numbers[head.run] = head.seq
                if head.type == "progress_update":
                    heard.times[head.run, head.seq] = now
    return heard


async def _listen_all(address: str, cookie: str, sockets: int, until_time: float) -> list[Heard]:
    return await asyncio.gather(*(_listen(address, cookie, until_time) for _ in range(sockets)))


def _browsers(
    address: str, cookie: str, sockets: int, until_time: float, results: "multiprocessing.Queue[Heard]"
) -> None:
    for heard in asyncio.run(_listen_all(address, cookie, sockets, until_time)):
        results.put(heard)


def _member() -> tuple[int, str]:
    """A tenant's id, and the session of one of its members."""
    from django.test import Client

    from apps.tenants.models import Role
    from apps.tenants.services import add_membership, create_tenant, create_user

    tenant = create_tenant(slug="bench", name="Bench")
    user = create_user(username="bench", password=str(uuid4()))
    add_membership(tenant=tenant, user=user, role=Role.VIEWER)
    browser = Client()
    browser.force_login(user)
    return tenant.pk, browser.cookies["sessionid"].value


def _write(tenant_id: int, per_second: int, seconds: float) -> dict[tuple[str, int], float]:
    """Store ``per_second`` changes a second, spread over the runs; return when each was begun, by run and number."""
    from apps.progress import services as progress
    from apps.progress.models import RunProgress
    from apps.progress.stored import quick_commit, store

    runs = [uuid4() for _ in range(RUNS)]
    for number, run in enumerate(runs):
        progress.begin(
            run,
            tenant_id=tenant_id,
            job_id=number,
            job_name=f"job-{number}",
            job_type="jira",
            mode="full",
            overall="RUNNING",
        )
    time.sleep(WARM_UP)
    begin, count = time.monotonic(), int(per_second * seconds)
    times: dict[tuple[str, int], float] = {}
    for number in range(count):
        time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        times[str(runs[number % RUNS]), 2 + number // RUNS] = time.time()
        with quick_commit():
            store(runs[number % RUNS], "progress_update", {"percent": 99 * number / count, "message": f"{number} done"})
    stored = RunProgress.across_tenants.filter(tenant=tenant_id).values_list("run", "seq")
    assert all((str(run), seq) in times for run, seq in stored)
    return times


def measure(testbed: Testbed, sockets: int, per_second: int, seconds: float) -> str:
    """One measurement, as a line of text."""
    with testbed.product():
        tenant_id, cookie = _member()
        port = free_port()
        arguments = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "etlproject.asgi:application"]
        with Process("web", arguments, testbed.folder):
            until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the web process")
            results: multiprocessing.Queue[Heard] = multiprocessing.get_context("spawn").Queue()
            end = time.time() + WARM_UP + seconds + SETTLE + sockets / 50
            browsers = multiprocessing.get_context("spawn").Process(
                target=_browsers, args=(f"ws://127.0.0.1:{port}/ws/jobs/?bundled", cookie, sockets, end, results)
            )
            browsers.start()
            time.sleep(sockets / 50)  # the hand-shakes
            times = _write(tenant_id, per_second, seconds)
            heard = [results.get(timeout=120) for _ in range(sockets)]
            browsers.join(30)
    return _line(sockets, per_second, heard, times)


def _line(sockets: int, per_second: int, heard: list[Heard], times: dict[tuple[str, int], float]) -> str:
    numbers = {run: max(seq for of, seq in times if of == run) for run, _ in times}
    delays = [1000 * (at - times[state]) for one in heard for state, at in one.times.items()]
    behind = sum(one.numbers.get(run, 0) < seq for one in heard for run, seq in numbers.items())
    cuts = quantiles(delays, n=100)
    return (
        f"{sockets} sockets, {per_second} changes/s: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, "
        f"{len(delays):,} states received, {behind} last states missing ({TARGETS})"
    )


def main() -> None:
    """Bring the services up, measure as often as asked, print the results."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.live", description=__doc__)
    parser.add_argument("--sockets", type=int, default=200, help="open pages (200)")
    parser.add_argument("--changes", type=int, default=50, help="stored changes a second (50)")
    parser.add_argument("--seconds", type=float, default=15, help="how long (15)")
    parser.add_argument("--repeat", type=int, default=3, help="repeats (3)")
    asked = parser.parse_args()
    results = ROOT / "var" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("ALLOWED_HOSTS", "127.0.0.1")
    folder = Path(tempfile.mkdtemp(prefix="live-", dir=results))
    guard(folder)
    testbed = Testbed(folder)
    with testbed.running():
        for _ in range(asked.repeat):
            sys.stdout.write(measure(testbed, asked.sockets, asked.changes, asked.seconds) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
