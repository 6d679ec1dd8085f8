"""Which Celery application do workers, scheduler and web processes share?"""

from celery import Celery

app = Celery("etlproject")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
