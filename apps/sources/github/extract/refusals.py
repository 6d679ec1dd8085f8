"""What is missing if GitHub refuses a slice, and which slice asks for it again?"""

from apps.sources.base import Context, Fetched, Slice
from apps.sources.errors import ForbiddenError, NotFoundError, SourceError
from apps.sources.github.client import RATE_LIMIT
from apps.sources.refusals import missing


def probe(context: Context) -> None:
    """Ask for the rate limit, which costs nothing. A server without limits answers 404."""
    try:
        context.http.get(RATE_LIMIT)
    except (ForbiddenError, NotFoundError):
        return


def refused(slice_: Slice, error: SourceError) -> Fetched:
    """A skip with the slice that asks again."""
    what = slice_.kind.removeprefix("rest_").replace("_", " ").capitalize()
    return missing(slice_, f"{what} of {slice_.scope or 'GitHub'}", error)
