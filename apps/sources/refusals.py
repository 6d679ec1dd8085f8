"""What if the provider refuses one request and answers others? The refusal belongs to the object that was asked for."""

from apps.sources.base import Fetched, Skip, Slice
from apps.sources.errors import SourceError


def missing(slice_: Slice, what: str, error: SourceError) -> Fetched:
    """The outcome of a refused slice: a skip that names ``what`` is missing, and that asks for the slice again."""
    return Fetched(skips=[Skip(slice_.scope, f"{what} cannot be read. {error}", again=slice_)])
