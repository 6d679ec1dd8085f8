"""Which Celery application do workers, scheduler and web processes share?"""

import gc
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

app = Celery("etlproject")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def collect_garbage_less_often(**_: Any) -> None:
    """Batches make many objects and no cycles: the usual threshold looks through all of them again and again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
