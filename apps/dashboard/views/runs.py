"""What do the page of a run and the comparison of two runs show?"""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.dashboard import compare, run_rows, selectors
from apps.dashboard.timeline import timeline
from apps.dashboard.views.member import member_page
from apps.dashboard.views.shared import run_context
from apps.jobs.models import Run
from apps.progress import log
from apps.progress.choices import ACTIVE
from apps.progress.delivery import has_mail_server
from apps.progress.notices import notices_of
from apps.progress.timeline import spans_of
from apps.sources.registry import definition
from apps.tenants.current import TenantRequest
from apps.tenants.models import Role
from apps.tenants.permissions import may_act_as

# The header of a script that only needs the changed parts of the page. It loads the log lines in another way.
PARTS_ONLY = "X-Fragments"


@member_page
def run(request: TenantRequest, run_id: UUID) -> HttpResponse:
    """One run, at an address that stays."""
    found = _run(request, run_id)
    spans = spans_of(found.pk)
    attempts = [span for span in spans if span.kind == "attempt"]
    wanted = _attempt(request)
    shown = [span for span in spans if wanted in (0, span.attempt)]
    changes = selectors.changes_of(found.job, found)
    context = run_context(request, found.job, found, is_job_page=False)
    context |= {
        "changes": changes,
        "row": run_rows.with_volume([found])[0],
        "is_active": found.state in ACTIVE,
        "elapsed": timezone.now() - found.started_at if found.state in ACTIVE and found.started_at else None,
        "is_current": selectors.is_current(found),
        "timeline": timeline(definition(found.job.job_type), shown or spans, found.finished_at),
        "attempts": attempts,
        "attempt": wanted if shown else 0,
        "notices": notices_of(found.pk, request.user),
        "has_mail_server": has_mail_server(),
        "may_operate": may_act_as(request.role, Role.OPERATOR),
        "log": None if PARTS_ONLY in request.headers else log.newest(found.pk),
    }
    return render(request, "dashboard/run.html", context)


@member_page
def compare_runs(request: TenantRequest, run_id: UUID) -> HttpResponse:
    """Two runs of a job side by side."""
    found = _run(request, run_id)
    offered = compare.candidates(found)
    other = compare.chosen(found, offered, _uuid(request.GET.get("with", "")))
    context = {
        "run": found,
        "job": found.job,
        "other": other,
        "offered": offered,
        "comparison": compare.comparison(found, other) if other else None,
    }
    return render(request, "dashboard/compare.html", context)


def _run(request: TenantRequest, run_id: UUID) -> Run:
    found = selectors.run_of(request.tenant, run_id)
    if found is None:
        raise Http404(f"Run {run_id} does not exist.")
    return found


def _attempt(request: TenantRequest) -> int:
    text = request.GET.get("attempt", "")
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
