"""What does the same work cost without a product? Fetch the same bytes, parse them into rows, COPY the rows."""

import gc
import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.processes import Sandbox
from tools.bench import baseline_github, baseline_jira
from tools.bench.baseline import Reader, upsert
from tools.bench.workloads import Proof, Workload, prove

PROOFS: dict[str, Proof] = {
    "A": {"issues": "SELECT id FROM issue", "changelog_histories": "SELECT id FROM history"},
    "B": {
        "pull_requests": "SELECT id FROM pull",
        "pull_request_commits": "SELECT id FROM commit",
        "reviews": "SELECT id FROM review",
        "review_comments": "SELECT id FROM review_comment",
        "issue_comments": "SELECT id FROM issue_comment",
    },
}


PROVIDERS = {"A": baseline_jira, "B": baseline_github}


@dataclass(frozen=True)
class Limit:
    """Seconds of each part, one after the other, and CPU seconds of this process."""

    fetch_s: float
    build_s: float
    copy_s: float
    cpu_s: float
    requests: int
    rows: int
    bytes: int

    @property
    def sum_s(self) -> float:
        """All parts together."""
        return self.fetch_s + self.build_s + self.copy_s

    def as_json(self) -> dict[str, Any]:
        """The figures with their sum."""
        return asdict(self) | {"sum_s": round(self.sum_s, 3)}


def limit(sandbox: Sandbox, workload: Workload, database: str) -> Limit:
    """Do the same work plainly in an empty database. Raises :class:`~tools.bench.workloads.IncompleteRunError`."""
    provider = PROVIDERS[workload.name]
    reader = Reader(sandbox.url(workload.job), workload.job)
    gc.disable()  # it doubles the time of parsing, and nothing here has reference cycles
    try:
        began, cpu = time.perf_counter(), time.process_time()
        answers = provider.fetch(reader)
        fetched = time.perf_counter()
        tables = provider.build(answers)
        built = time.perf_counter()
        for name, (columns, rows) in tables.items():
            upsert(database, name, columns, rows)
        copied = time.perf_counter()
    finally:
        gc.enable()
    prove(sandbox, database, PROOFS[workload.name])
    return Limit(
        round(fetched - began, 3),
        round(built - fetched, 3),
        round(copied - built, 3),
        round(time.process_time() - cpu, 3),
        reader.requests,
        sum(len(rows) for _, rows in tables.values()),
        sum(len(answer) for _, answer in answers),
    )
