"""What do single parts cost: a step without work, the embedding of a text, a change of the progress?"""

from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Any
from uuid import uuid4

from django.db import connection

from apps.jobs.lifecycle import services
from apps.jobs.models import Job, Run
from apps.progress import services as progress
from apps.progress.choices import ENDED
from apps.progress.models import RunProgress
from apps.sources.registry import definition
from apps.tenants.models import Tenant
from apps.tenants.services import create_tenant
from apps.vectors.embedders import MAX_CHARS, current_embedder
from tests.processes import until
from tools.bench.noop import NOOP, STEPS
from tools.bench.testbed import Testbed

REFRESHES = 500
TEXTS = 10_000
PER_CALL = 512


def step_overhead(testbed: Testbed, repeat: int) -> dict[str, Any]:
    """Milliseconds per step of a chain whose steps have nothing to do: the median over several runs."""
    tenant = create_tenant(slug="noop", name="Nothing to do")
    job = Job.across_tenants.create(tenant=tenant, job_type=NOOP.job_type, name=NOOP.job_type)
    figures: list[float] = []
    with testbed.workers("extraction", "transform,embedding,control"):
        for _ in range(repeat + 1):  # the first one warms up
            run = services.start(job, actor="bench")
            until(partial(_has_ended, run), f"the end of a chain (logs in {testbed.folder})")
            assert run.started_at, run.error
            assert run.finished_at, run.error
            figures.append((run.finished_at - run.started_at).total_seconds() * 1000 / STEPS)
    return {"steps": STEPS, "ms_per_step": round(median(figures[1:]), 1), "each": [round(ms, 1) for ms in figures[1:]]}


def _has_ended(run: Run) -> bool:
    run.refresh_from_db()
    return run.state in ENDED


def progress_cost(tenant: Tenant, job_type: str) -> dict[str, float]:
    """Milliseconds of a refresh that is stored and sent, and of one that is held back because it comes too early."""
    run, first = uuid4(), definition(job_type).steps[0]
    names = {"job_name": job_type, "job_type": job_type, "mode": "full", "overall": "RUNNING"}
    progress.begin(run, tenant_id=tenant.pk, job_id=0, **names)
    progress.count(run, first.key, first.stages[0].value, total=REFRESHES)
    stored: list[float] = []
    held_back: list[float] = []
    for _ in range(REFRESHES):
        progress.count(run, first.key, first.stages[0].value, done=1)
        RunProgress.across_tenants.filter(pk=run).update(flushed_at=None)
        for seconds in (stored, held_back):
            began = perf_counter()
            progress.refresh(run)
            seconds.append(perf_counter() - began)
    return {"stored_ms": round(median(stored) * 1000, 2), "held_back_ms": round(median(held_back) * 1000, 2)}


def embedding_speed(repeat: int) -> dict[str, Any]:
    """How many loaded texts of every kind the chosen embedder embeds in a second of CPU."""
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
