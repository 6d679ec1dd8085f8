"""What is the HTTP API made of? One document at ``/api/openapi.json``, a router per app."""

from ninja import NinjaAPI

from apps.jobs.api.data import router as data
from apps.jobs.api.jobs import router as jobs
from apps.jobs.api.schedule import router as schedules
from apps.progress.api import router as progress
from apps.tenants.api import preferences
from apps.tenants.api import router as tokens
from apps.tenants.api_auth import API_AUTH, answer_refusals_in_json

# No documentation page: it would load its scripts from another host.
api = NinjaAPI(title="ETL platform for Jira and GitHub", version="1", docs_url=None, auth=API_AUTH)
api.add_router("/token", tokens)
api.add_router("/preferences", preferences)
api.add_router("", schedules)
api.add_router("", data)
api.add_router("", jobs)
api.add_router("", progress)
answer_refusals_in_json(api)
