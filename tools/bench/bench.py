"""In which order is everything measured? In turn, so that what disturbs one disturbs all."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.jobs.choices import RunMode
from tests.platform import build
from tests.processes import Sandbox
from tools.bench import hotspots, parts
from tools.bench import report as reports
from tools.bench.limits import limit
from tools.bench.peers.run import REQUIREMENTS, installed, run_dlt
from tools.bench.runs import Sync
from tools.bench.stand import Stand
from tools.bench.usage import Meter
from tools.bench.works import WORKS, Incomplete, Work

Row = dict[str, Any]
# The smallest world of the other provider that the sandbox makes.
LEAST = 20
MEMORY = (2_000, 20_000)


def report(stand: Stand, asked: argparse.Namespace, results: Path) -> str:
    """Measure what is asked for; the report as Markdown."""
    bench = Bench(stand, asked, results)
    facts = reports.machine(stand.server_version())
    for name in asked.only:
        if name in WORKS:
            bench.work(WORKS[name])
    figures: Row = {}
    if "parts" in asked.only:
        figures |= bench.parts()
    if "memory" in asked.only:
        figures["peak_mb_of_a_worker"] = {size: bench.memory(size) for size in MEMORY}
    return reports.write(results, facts, bench.measurements, figures, bench.notes)


def profiles(stand: Stand, asked: argparse.Namespace) -> str:
    """The hot spots of one job: first without a profiler (true seconds), then with it (which functions)."""
    texts: list[str] = []
    issues, prs = (asked.issues, LEAST) if asked.profile == "jira" else (LEAST, asked.prs)
    with Sandbox(stand.folder, issues=issues, prs=prs) as sandbox:
        for traced in (False, True):
            with stand.product():
                found = hotspots.profile(build(sandbox, stand.folder), asked.profile, traced=traced)
            for title, profile in found.items():
                texts += [profile.report(title, order) for order in ("tottime", "cumulative")] if traced else []
                texts += [] if traced else [f"{profile.head(title)}\n{profile.slowest()}\n"]
    return "\n".join(texts)


class Bench:
    """Collects measurements; what could not be measured becomes a note."""

    def __init__(self, stand: Stand, asked: argparse.Namespace, results: Path) -> None:
        self.stand, self.asked = stand, asked
        self.measurements: list[Row] = []
        self.notes: list[str] = []
        self.peer = None if asked.no_peers else self._peer(results)

    def _peer(self, results: Path) -> Path | None:
        try:
            return installed(results / "peers" / "dlt")
        except (OSError, subprocess.CalledProcessError) as error:
            self.notes.append(f"{REQUIREMENTS} could not be installed, so there is no peer: {error}")
            return None

    def work(self, work: Work) -> None:
        """One work at every latency, every measurement in every repeat."""
        sizes = {"issues": LEAST, "prs": LEAST} | (
            {"issues": self.asked.issues} if work.name == "A" else {"prs": self.asked.prs}
        )
        with Sandbox(self.stand.folder, **sizes) as sandbox:
            with self.stand.database() as database:  # the sandbox makes its answers at the first request for them
                limit(sandbox, work, self.stand.owner_url(database))
            for latency in self.asked.latency:
                sandbox.control("latency", {"ms": latency})
                for repeat in range(self.asked.repeat):
                    self._repeat(sandbox, work, latency, repeat)

    def _repeat(self, sandbox: Sandbox, work: Work, latency: int, repeat: int) -> None:
        for measure in (self._ours, self._limit, self._peer_run):
            try:
                for row in measure(sandbox, work, repeat):
                    self.measurements.append({"work": work.name, "latency_ms": latency, "repeat": repeat} | row)
                    _tell(self.measurements[-1])
            except Incomplete as error:
                self.notes.append(f"Work {work.name}, {latency} ms, repeat {repeat}: no time, because: {error}")
                _tell(self.notes[-1])

    def _ours(self, sandbox: Sandbox, work: Work, repeat: int) -> Iterator[Row]:
        """A first full sync, then what changed; in the first repeat also a second load, which may change nothing."""
        with self.stand.product():
            platform = build(sandbox, self.stand.folder)
            sync = Sync(self.stand, platform, work, embedding_beside=self.asked.beside)
            yield sync.measure("full", RunMode.INCREMENTAL).as_json()
            if repeat == 0:
                yield sync.second_load().as_json()
            yield sync.incremental(seed=repeat + 1).as_json()

    def _limit(self, sandbox: Sandbox, work: Work, repeat: int) -> Iterator[Row]:
        sandbox.control("reset-stats")
        with self.stand.database() as database:
            with Meter(self.stand.service_pids()) as meter:
                found = limit(sandbox, work, self.stand.owner_url(database))
            cpu_s = found.cpu_s + meter.usage["postgresql"].cpu_s
            yield {"what": "limits", **found.as_json(), "wall_s": round(found.sum_s, 3), "cpu_s": round(cpu_s, 2)}

    def _peer_run(self, sandbox: Sandbox, work: Work, repeat: int) -> Iterator[Row]:
        if self.peer is None:
            return
        with self.stand.database() as database:
            with Meter(self.stand.service_pids()) as meter:
                found = run_dlt(self.peer, sandbox, work, self.stand.owner_url(database), self.stand.folder)
            cpu_s = found.cpu_s + meter.usage["postgresql"].cpu_s
            yield {"what": "dlt", **found.as_json(), "cpu_s": round(cpu_s, 2)}

    def parts(self) -> Row:
        """Chain overhead, embedding speed and the cost of progress."""
        with self.stand.product():
            overhead = parts.step_overhead(self.stand, self.asked.repeat)
        with self.stand.product(), Sandbox(self.stand.folder, issues=2000, prs=300) as sandbox:
            platform = build(sandbox, self.stand.folder)
            for work in WORKS.values():
                Sync(self.stand, platform, work, embedding_beside=True).measure("load", RunMode.FULL)
            return {
                "chain": overhead,
                "embedding": parts.embedding_speed(self.asked.repeat),
                "progress": parts.progress_cost(platform.tenant, WORKS["A"].job),
            }

    def memory(self, issues: int) -> float:
        """The peak of the largest worker process (MB) in a full Jira sync."""
        with self.stand.product(), Sandbox(self.stand.folder, issues=issues, prs=LEAST) as sandbox:
            sync = Sync(self.stand, build(sandbox, self.stand.folder), WORKS["A"], embedding_beside=True)
            return sync.measure("full", RunMode.INCREMENTAL).usage["workers"]["peak_mb"]


def _tell(row: object) -> None:
    """Progress for whoever waits; the report comes at the end."""
    if isinstance(row, dict):
        row = {name: value for name, value in row.items() if name not in ("stages", "usage")}
    sys.stderr.write(f"{row}\n")
