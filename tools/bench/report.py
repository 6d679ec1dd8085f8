"""How are the figures shown? As medians, ranges and ratios beside the targets, and as single measurements."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from tools.bench.progress_cost import COUNTING, SHOWING, TASKS

Row = dict[str, Any]
PACKAGES = ("Django", "celery", "psycopg", "msgspec", "requests", "qdrant-client", "wordllama")
STATED = {
    "A": "full against the sum of limits ≤ 3.5 ×; peer against full ≥ 1.3 ×; requests ≤ 200",
    "B": "peer against full at 50 ms ≥ 2 ×; requests ≤ 150",
}


def machine(server: str) -> Row:
    """The facts on which the figures depend."""
    return {
        "cores": os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "postgresql": server,
        **{name: version(name) for name in PACKAGES},
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def spread(values: Sequence[float], digits: int = 2) -> str:
    """``median (lowest to highest)``."""
    if not values:
        return "–"
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def markdown(facts: Row, measurements: list[Row], micro: Row, notes: Sequence[str]) -> str:
    """The whole report."""
    lines = ["# Benchmark", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    lines += [f"> {note}" for note in notes] + [""] * bool(notes)
    cases = sorted({(row["workload"], row["latency_ms"]) for row in measurements})
    for workload, latency in cases:
        rows = [row for row in measurements if (row["workload"], row["latency_ms"]) == (workload, latency)]
        lines += _case(workload, latency, rows)
    targets = "50 ms a step; 5,000 texts per second of one core; 300 MB a worker; progress 4 a second, 1 % of a run"
    lines += ["## Micro benchmarks", "", f"Targets: {targets}.", ""]
    lines += [f"- {name}: `{json.dumps(figures)}`" for name, figures in micro.items()] + [""]
    lines += ["## Every measurement", "", "```json", *(json.dumps(_short(row)) for row in measurements), "```", ""]
    return "\n".join(lines)


def _case(workload: str, latency: int, rows: list[Row]) -> list[str]:
    """One workload at one latency: the four kinds of measurements, their ratios, and the stages of the median run."""
    by_what: dict[str, list[Row]] = {}
    for row in rows:
        by_what.setdefault(row["what"], []).append(row)
    head = ("", "wall s", "with embedding s", "CPU s", "requests", "rows/s", "peak MB")
    lines = [f"## Workload {workload}, {latency} ms", "", f"Targets: {STATED[workload]}.", ""]
    lines += table(head, (_line(what, group) for what, group in by_what.items()))
    lines += [f"- {name}: {spread(ratios)}" for name, ratios in _ratios(by_what) if ratios]
    lines += [*_progress(by_what.get("full", [])), ""]
    full = sorted(by_what.get("full", []), key=lambda row: float(row["wall_s"]))
    return lines + (_details(full[len(full) // 2]) if full else [])


def _line(what: str, rows: list[Row]) -> list[str]:
    def values(name: str) -> list[float]:
        return [float(row[name]) for row in rows if row.get(name) is not None]

    return [
        f"{what} ({len(rows)})",
        spread(values("wall_s")),
        spread(values("whole_s")),
        spread(values("cpu_s")),
        f"{median(values('requests')):.0f}",
        f"{median(values('rows_per_s')):.0f}" if values("rows_per_s") else "–",
        spread([float(row["peak_mb"]) for row in rows if row.get("peak_mb")], 0),
    ]


def _ratios(by_what: dict[str, list[Row]]) -> list[tuple[str, list[float]]]:
    """Ratios within each repeat, because its measurements were made under the same conditions."""

    def pairs(upper: str, lower: str, figure: str = "wall_s") -> list[float]:
        below = {row["repeat"]: float(row[figure]) for row in by_what.get(lower, [])}
        return [float(row[figure]) / below[row["repeat"]] for row in by_what.get(upper, []) if row["repeat"] in below]

    return [
        ("full / sum of limits", pairs("full", "limits")),
        ("full / sum of limits, CPU of everything but the provider", pairs("full", "limits", "cpu_s")),
        ("dlt / full", pairs("dlt", "full")),
        ("dlt / full, CPU of their processes and PostgreSQL", pairs("dlt", "full", "cpu_s")),
        ("incremental / full, time", pairs("incremental", "full")),
        ("incremental / full, requests", pairs("incremental", "full", "requests")),
    ]


def _progress(rows: list[Row]) -> list[str]:
    """How often the full runs stored their progress, and which share of the workers' time that took."""
    if not rows:
        return []
    writes = [row["progress_writes"] / row["whole_s"] for row in rows]
    lines = [f"- progress, stored changes a second: {spread(writes)}"]
    for title, names in (("shown", SHOWING), ("counted, in the transactions of the batches", COUNTING)):
        costs = [sum(row["progress_s"].get(name, 0.0) for name in names) for row in rows]
        shares = [100 * seconds / row["progress_s"][TASKS] for seconds, row in zip(costs, rows, strict=True)]
        lines.append(f"- progress {title}: {spread(costs)} s of all workers, percent of their time: {spread(shares)}")
    return lines


def _details(row: Row) -> list[str]:
    """The stages and processes of one run."""
    stages = [s for s in row["stages"] if s["end_s"] is not None and s["begin_s"] is not None]
    lines = ["Stages of the median run, seconds since its start:", ""]
    cells = ((s["step"], s["stage"], s["begin_s"], s["end_s"], s["done"]) for s in stages)
    lines += table(("step", "stage", "begin", "end", "records"), cells)
    used = ((name, use["cpu_s"], use["peak_mb"]) for name, use in row["usage"].items())
    return lines + table(("processes", "CPU s", "peak MB of one"), used)


def _short(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "stages"}


def write(folder: Path, facts: Row, measurements: list[Row], micro: Row, notes: Sequence[str]) -> str:
    """Write ``report.md`` and ``report.json`` into ``folder``; return the Markdown."""
    text = markdown(facts, measurements, micro, notes)
    (folder / "report.md").write_text(text, encoding="utf-8")
    everything = {"machine": facts, "measurements": measurements, "micro": micro, "notes": list(notes)}
    (folder / "report.json").write_text(json.dumps(everything, indent=1), encoding="utf-8")
    return text
