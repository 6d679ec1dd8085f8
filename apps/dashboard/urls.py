"""Which pages are there?"""

from django.urls import path

from apps.dashboard import endpoints, views

urlpatterns = [
    path("", views.home, name="home"),
    path("jobs/", views.jobs, name="jobs"),
    path("jobs/<int:job_id>/", views.job, name="job"),
    path("runs/", views.runs, name="runs"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("quarantine/", views.quarantine, name="quarantine"),
    path("quarantine/<str:fingerprint>/", views.quarantine_group, name="quarantine-group"),
    path("quarantine/record/<int:record_id>/", views.quarantine_record, name="quarantine-record"),
    path("search/", views.search, name="search"),
    path("healthz", endpoints.healthz, name="healthz"),
    path("api/health", endpoints.system_health, name="health"),
]
