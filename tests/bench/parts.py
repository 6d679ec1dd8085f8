"""What do single parts cost: a step of the chain without work, and the embedding of a text?"""

from functools import partial
from statistics import median
from time import process_time
from typing import Any

from django.db import connection

from apps.jobs import services
from apps.jobs.choices import ENDED
from apps.jobs.models import Job, Run
from apps.tenants.services import create_tenant
from apps.vectors.embedders import MAX_CHARS, current_embedder
from tests.bench.noop import NOOP, STEPS
from tests.bench.stand import Stand
from tests.processes import until

TEXTS = 10_000
PER_CALL = 512


def step_overhead(stand: Stand, repeat: int) -> dict[str, Any]:
    """Milliseconds per step of a chain whose steps have nothing to do; medians over runs, from start to end."""
    tenant = create_tenant(slug="noop", name="Nothing to do")
    job = Job.across_tenants.create(tenant=tenant, job_type=NOOP.job_type, name=NOOP.job_type)
    figures: list[float] = []
    with stand.workers("extraction", "transform,embedding,control"):
        for _ in range(repeat + 1):  # the first one warms up
            run = services.start(job, actor="bench")
            until(partial(_has_ended, run), f"the end of a chain (logs in {stand.folder})")
            assert run.started_at, run.error
            assert run.finished_at, run.error
            figures.append((run.finished_at - run.started_at).total_seconds() * 1000 / STEPS)
    return {"steps": STEPS, "ms_per_step": round(median(figures[1:]), 1), "each": [round(ms, 1) for ms in figures[1:]]}


def _has_ended(run: Run) -> bool:
    run.refresh_from_db()
    return run.state in ENDED


def embedding_speed(repeat: int) -> dict[str, Any]:
    """Texts per second of CPU of the chosen embedder, over loaded texts of every kind."""
    with connection.cursor() as cursor:
        query = f"SELECT left(text, {MAX_CHARS}) FROM warehouse_document WHERE text <> '' ORDER BY md5(text) LIMIT %s"
        cursor.execute(query, [TEXTS])
        texts = [text for (text,) in cursor.fetchall()]
    embedder = current_embedder()
    embedder.embed(texts[:PER_CALL])
    speeds: list[float] = []
    for _ in range(repeat):
        began = process_time()
        for start in range(0, len(texts), PER_CALL):
            embedder.embed(texts[start : start + PER_CALL])
        speeds.append(len(texts) / (process_time() - began))
    mean = sum(map(len, texts)) / len(texts)
    return {
        "embedder": embedder.name,
        "texts": len(texts),
        "mean_characters": round(mean),
        "texts_per_cpu_s": round(median(speeds)),
        "each": [round(speed) for speed in speeds],
    }
