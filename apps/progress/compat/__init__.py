"""Which functions does the contract (SPEC, section 4) require that the product does not call? They are all here.

Other people's programs import these names from ``apps.progress.compat``.
"""

from apps.progress.compat.discovery import discover
from apps.progress.compat.reporting import (
    NotRunningError,
    asend_progress_update,
    asend_step_progress_update,
    send_progress_update,
    send_step_progress_update,
)
from apps.progress.compat.stages import PipelineStage, ProgressInfo, ProgressTracker
from apps.progress.compat.tasks import move_smoothly, tracker_of

__all__ = [
    "NotRunningError",
    "PipelineStage",
    "ProgressInfo",
    "ProgressTracker",
    "asend_progress_update",
    "asend_step_progress_update",
    "discover",
    "move_smoothly",
    "send_progress_update",
    "send_step_progress_update",
    "tracker_of",
]
