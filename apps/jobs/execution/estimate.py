"""How many records would a run fetch? The provider is asked, and nothing is stored."""

from django.core.exceptions import ValidationError

from apps.jobs.execution.context import RunContext
from apps.jobs.lifecycle.run_request import InvalidRequestError, RunRequest
from apps.jobs.models import Job
from apps.sources.base import Estimate


def estimate(job: Job, request: RunRequest) -> list[Estimate]:
    """The numbers per project or repository and kind.

    Raises :class:`InvalidRequestError` where there is no provider to ask or its address is refused, and
    :class:`~apps.sources.errors.SourceError` with the provider's answer.
    """
    if job.integration is None:
        raise InvalidRequestError(f"{job.name} reads from no provider, so there is nothing to estimate.")
    try:
        context = RunContext(request.new_run(job))
    except ValidationError as error:
        raise InvalidRequestError(" ".join(error.messages)) from error
    try:
        return context.source.estimate(context)
    finally:
        context.http.close()
