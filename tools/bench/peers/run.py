"""How is a peer installed, run and measured? In its own virtual environment, from the start of its process."""

import os
import shutil
import subprocess
import time
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.processes import ROOT, TOKEN, Sandbox
from tools.bench.workloads import IncompleteRunError, Proof, Workload, prove

REQUIREMENTS = "dlt[postgres]==1.31.0"
# dlt reads its configuration from the environment: threads that fetch, processes that normalize, jobs that load.
TUNING = {
    "EXTRACT__WORKERS": "32",
    "EXTRACT__MAX_PARALLEL_ITEMS": "64",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
    "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "2000",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "WARNING",
}
PROOFS: dict[str, Proof] = {
    "A": {
        "issues": "SELECT id FROM peer.issues",
        "changelog_histories": (
            "SELECT history ->> 'id' FROM peer.issues, jsonb_array_elements(data -> 'changelog' -> 'histories') history"
        ),
    },
    "B": {
        "pull_requests": "SELECT id FROM peer.pulls",
        "pull_request_commits": "SELECT id FROM peer.commits",
        "reviews": "SELECT id FROM peer.reviews",
        "review_comments": "SELECT id FROM peer.review_comments",
        "issue_comments": "SELECT id FROM peer.issue_comments",
    },
}


@dataclass(frozen=True)
class PeerRun:
    """One complete run of a peer, from the start of its process to its end."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: int

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return asdict(self)


def installed(folder: Path) -> Path:
    """The peer's interpreter; the first call installs it. Raises ``OSError`` or ``CalledProcessError``."""
    python = folder / "bin" / "python"
    ready = folder / REQUIREMENTS
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", REQUIREMENTS], check=True, capture_output=True)
        ready.touch()
    return python


def run_dlt(python: Path, sandbox: Sandbox, workload: Workload, database: str, folder: Path) -> PeerRun:
    """Load the workload into an empty database. Raises :class:`~tools.bench.workloads.IncompleteRunError`."""
    data = folder / "dlt-data"
    shutil.rmtree(data, ignore_errors=True)
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        **TUNING,
        "DLT_DATA_DIR": str(data),
        "DESTINATION__POSTGRES__CREDENTIALS": database,
        "BENCH_URL": sandbox.url(workload.job),
        "BENCH_TOKEN": TOKEN,
    }
    script = ROOT / "tools" / "bench" / "peers" / f"dlt_{workload.job}.py"
    sandbox.control("reset-stats")
    with (folder / "dlt.log").open("ab") as log:
        began = time.perf_counter()
        with subprocess.Popen([python, script], env=environment, cwd=folder, stdout=log, stderr=log) as child:
            _, status, used = os.wait4(child.pid, 0)
            wall_s = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise IncompleteRunError(f"dlt ended with {child.returncode} (see {log.name}).")
    requests = sandbox.served()
    prove(sandbox, database, PROOFS[workload.name])
    cpu_s = used.ru_utime + used.ru_stime
    return PeerRun(round(wall_s, 3), round(cpu_s, 3), round(used.ru_maxrss / 1024, 1), requests)
