"""What if the provider refuses one request and answers others? The refusal belongs to the object that was asked for.

It fails a run only if the provider does not work at all: then :meth:`~apps.sources.base.Source.probe` raises as well.
"""

import time
from threading import Lock

from apps.sources.base import Context, Fetched, Skip, Slice, Source
from apps.sources.errors import (
    OF_THE_CONNECTION,
    InvalidAnswerError,
    RateLimitedError,
    SourceError,
    is_temporary,
)
from apps.sources.reading import odd_values

MAX_REFUSALS_IN_A_ROW = 10  # of one kind of slices; the others of this kind are then not asked for in this run
SECOND_TRY_AFTER = 3.0  # seconds


def missing(slice_: Slice, what: str, error: SourceError) -> Fetched:
    """The outcome of a refused slice: a skip that says that ``what`` is missing, and that asks for the slice again."""
    return Fetched(skips=[Skip(slice_.scope, f"{what} cannot be read. {error}", again=slice_)])


class KindHealth:
    """Whether the provider answers one kind of slices. All slices of a run in one process share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._refusals = 0
        self.error: SourceError | None = None

    @property
    def is_hopeless(self) -> bool:
        """Whether more requests would be useless."""
        return self._refusals >= MAX_REFUSALS_IN_A_ROW

    def note(self, error: SourceError | None) -> None:
        """Count a refusal; an answer (``None``) ends the row."""
        with self._lock:
            self._refusals = self._refusals + 1 if error else 0
            self.error = error


def fetch_or_skip(
    source: Source, step: str, slice_: Slice, context: Context, *, is_last_pause: bool = False
) -> Fetched:
    """Fetch a slice, or skip what the provider refuses. Raises what is wrong with the provider or the credentials.

    ``is_last_pause``: the slice has waited often enough. If the provider asks for another pause, the slice is skipped.
    """
    health = context.memo(f"refusals of {slice_.kind}", KindHealth)
    if health.is_hopeless and health.error:
        return source.refused(step, slice_, health.error, context)
    try:
        fetched = _fetch_twice(source, step, slice_, context)
    except RateLimitedError as error:
        if not is_last_pause:
            raise
        return source.refused(step, slice_, error, context)
    except OF_THE_CONNECTION:
        raise
    except SourceError as error:
        source.probe(context)
        fetched = source.refused(step, slice_, error, context)
        health.note(error)
    else:
        health.note(None)
    return fetched


def _fetch_twice(source: Source, step: str, slice_: Slice, context: Context) -> Fetched:
    """Fetch a slice. After a fault that may pass by itself, wait a moment and try once more."""
    try:
        return _fetch(source, step, slice_, context)
    except SourceError as error:
        if not (is_temporary(error) or isinstance(error, InvalidAnswerError)):
            raise
        source.probe(context)
    time.sleep(SECOND_TRY_AFTER)
    return _fetch(source, step, slice_, context)


def _fetch(source: Source, step: str, slice_: Slice, context: Context) -> Fetched:
    """Fetch a slice, with a skip for each kind of odd element that was left out of an answer."""
    with odd_values() as paths:
        fetched = source.fetch(step, slice_, context)
    fetched.skips += [
        Skip(slice_.scope, f"{source.definition.title} sent {path}, which cannot be read.", again=slice_)
        for path in dict.fromkeys(paths)
    ]
    return fetched
