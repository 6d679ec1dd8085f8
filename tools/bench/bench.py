"""In which order is everything measured? Alternately, so that a disturbance hits all measurements alike."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.jobs.choices import RunMode
from tests.platform import build
from tests.processes import Sandbox
from tools.bench import hotspots, memory, micro
from tools.bench import report as reports
from tools.bench.limits import limit
from tools.bench.peers.run import REQUIREMENTS, installed, run_dlt
from tools.bench.runs import Sync
from tools.bench.testbed import Testbed
from tools.bench.usage import Meter
from tools.bench.workloads import WORKLOADS, IncompleteRunError, Workload

Row = dict[str, Any]
# The other provider gets the fewest records that the sandbox makes.
MIN_RECORDS = 20


def report(testbed: Testbed, asked: argparse.Namespace, results: Path) -> str:
    """Measure what is asked for and return the report as Markdown."""
    bench = Bench(testbed, asked, results)
    facts = reports.machine(testbed.server_version())
    for name in asked.only:
        if name in WORKLOADS:
            bench.measure_workload(WORKLOADS[name])
    figures: Row = {}
    if "micro" in asked.only:
        figures |= bench.micro()
    if "memory" in asked.only:
        figures["memory"] = [memory.measure(testbed, issues) for issues in asked.memory_issues]
    return reports.write(results, facts, bench.measurements, figures, bench.notes)


def profiles(testbed: Testbed, asked: argparse.Namespace) -> str:
    """The hot spots of one job: first without a profiler (true seconds), then with a profiler (which functions)."""
    texts: list[str] = []
    issues, prs = (asked.issues, MIN_RECORDS) if asked.profile == "jira" else (MIN_RECORDS, asked.prs)
    with Sandbox(testbed.folder, issues=issues, prs=prs) as sandbox:
        for traced in (False, True):
            with testbed.product():
                found = hotspots.profile(build(sandbox, testbed.folder), asked.profile, traced=traced)
            for title, profile in found.items():
                if traced:
                    texts += [profile.report(title, order) for order in ("tottime", "cumulative")]
                else:
                    texts.append(f"{profile.head(title)}\n{profile.slowest()}\n")
    return "\n".join(texts)


class Bench:
    """Collects measurements; a measurement that fails becomes a note."""

    def __init__(self, testbed: Testbed, asked: argparse.Namespace, results: Path) -> None:
        self.testbed, self.asked = testbed, asked
        self.measurements: list[Row] = []
        self.notes: list[str] = []
        self.peer = None if asked.no_peers else self._peer(results)

    def _peer(self, results: Path) -> Path | None:
        try:
            return installed(results / "peers" / "dlt")
        except (OSError, subprocess.CalledProcessError) as error:
            self.notes.append(f"There is no peer, because {REQUIREMENTS} could not be installed: {error}")
            return None

    def measure_workload(self, workload: Workload) -> None:
        """Measure one workload at every latency, as often as asked."""
        sizes = {"issues": MIN_RECORDS, "prs": MIN_RECORDS} | (
            {"issues": self.asked.issues} if workload.name == "A" else {"prs": self.asked.prs}
        )
        with Sandbox(self.testbed.folder, **sizes) as sandbox:
            with self.testbed.database() as database:  # warm up: the sandbox makes an answer when it is first asked
                limit(sandbox, workload, self.testbed.owner_url(database))
            for latency in self.asked.latency:
                sandbox.control("latency", {"ms": latency})
                for repeat in range(self.asked.repeat):
                    self._repeat(sandbox, workload, latency, repeat)

    def _repeat(self, sandbox: Sandbox, workload: Workload, latency: int, repeat: int) -> None:
        for measure in (self._ours, self._limit, self._peer_run):
            try:
                for row in measure(sandbox, workload, repeat):
                    self.measurements.append({"workload": workload.name, "latency_ms": latency, "repeat": repeat} | row)
                    _print_row(self.measurements[-1])
            except IncompleteRunError as error:
                self.notes.append(f"Workload {workload.name}, {latency} ms, repeat {repeat} has no time: {error}")
                _print_row(self.notes[-1])

    def _ours(self, sandbox: Sandbox, workload: Workload, repeat: int) -> Iterator[Row]:
        """A first full sync, then a sync of changes; in the first repeat also a second load, which changes nothing."""
        with self.testbed.product():
            platform = build(sandbox, self.testbed.folder)
            sync = Sync(self.testbed, platform, workload, embedding_beside=self.asked.beside)
            yield sync.measure("full", RunMode.INCREMENTAL).as_json()
            if repeat == 0:
                yield sync.second_load().as_json()
            yield sync.incremental(seed=repeat + 1).as_json()

    def _limit(self, sandbox: Sandbox, workload: Workload, repeat: int) -> Iterator[Row]:
        sandbox.control("reset-stats")
        with self.testbed.database() as database:
            with Meter(self.testbed.service_pids()) as meter:
                found = limit(sandbox, workload, self.testbed.owner_url(database))
            cpu_s = found.cpu_s + meter.usage["postgresql"].cpu_s
            yield {"what": "limits", **found.as_json(), "wall_s": round(found.sum_s, 3), "cpu_s": round(cpu_s, 2)}

    def _peer_run(self, sandbox: Sandbox, workload: Workload, repeat: int) -> Iterator[Row]:
        if self.peer is None:
            return
        with self.testbed.database() as database:
            with Meter(self.testbed.service_pids()) as meter:
                found = run_dlt(self.peer, sandbox, workload, self.testbed.owner_url(database), self.testbed.folder)
            cpu_s = found.cpu_s + meter.usage["postgresql"].cpu_s
            yield {"what": "dlt", **found.as_json(), "cpu_s": round(cpu_s, 2)}

    def micro(self) -> Row:
        """The overhead of the chain, the speed of embedding and the cost of progress."""
        with self.testbed.product():
            overhead = micro.step_overhead(self.testbed, self.asked.repeat)
        with self.testbed.product(), Sandbox(self.testbed.folder, issues=2000, prs=300) as sandbox:
            platform = build(sandbox, self.testbed.folder)
            for workload in WORKLOADS.values():
                Sync(self.testbed, platform, workload, embedding_beside=True).measure("load", RunMode.FULL)
            return {
                "chain": overhead,
                "embedding": micro.embedding_speed(self.asked.repeat),
                "progress": micro.progress_cost(platform.tenant, WORKLOADS["A"].job),
            }


def _print_row(row: object) -> None:
    """Show progress; the report comes at the end."""
    if isinstance(row, dict):
        row = {name: value for name, value in row.items() if name not in ("stages", "usage")}
    sys.stderr.write(f"{row}\n")
