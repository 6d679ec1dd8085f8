"""Which pages are there?"""

from django.urls import path

from apps.dashboard import endpoints
from apps.dashboard.views import history, home, jobs, preferences, quarantine, runs, search, style

urlpatterns = [
    path("", home.home, name="home"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:job_id>/", jobs.job, name="job"),
    path("jobs/<int:job_id>/settings/", jobs.settings, name="job-settings"),
    path("runs/", history.runs, name="runs"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("runs/<uuid:run_id>/compare", runs.compare_runs, name="compare"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("quarantine/<str:fingerprint>/", quarantine.quarantine_group, name="quarantine-group"),
    path("quarantine/record/<int:record_id>/", quarantine.quarantine_record, name="quarantine-record"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("style/", style.style, name="style"),
    path("search/", search.search, name="search"),
    path("healthz", endpoints.healthz, name="healthz"),
    path("api/health", endpoints.system_health, name="health"),
]
