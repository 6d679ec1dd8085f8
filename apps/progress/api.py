"""What does the API answer about progress? The schema of the live messages here, the rest in the routers below."""

from typing import Any

import msgspec
from django.http import HttpRequest
from ninja import Router

from apps.progress.compat.api import router as stage_table
from apps.progress.events import RunMessage
from apps.progress.log_api import router as log
from apps.progress.notices_api import router as notices

router = Router(tags=["Progress"])
router.add_router("", stage_table)
router.add_router("", log)
router.add_router("", notices)


@router.get("/live-schema", response=dict[str, Any], summary="The JSON schema of the live messages")
def live_schema(request: HttpRequest) -> dict[str, Any]:
    """What every ``snapshot``, ``job_status`` and ``progress_update`` on ``/ws/jobs/`` looks like."""
    return msgspec.json.schema(RunMessage)
