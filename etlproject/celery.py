"""Which Celery application do workers, scheduler and web processes share?"""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_process_init
from django.db import close_old_connections

from apps.core.memory import collect_garbage_less_often, return_freed_memory

# The checks load every page and the whole API, of which a worker needs nothing; `migrate` and the scheduler make them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("etlproject")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def leave_dead_connections(**_: Any) -> None:
    """Connections are kept between tasks: one that has died meanwhile (a restart of the database) is made anew."""
    close_old_connections()


@worker_process_init.connect
def use_little_memory(**_: Any) -> None:
    """A process of a worker does many batches of any size, one after the other."""
    return_freed_memory()
    collect_garbage_less_often()
