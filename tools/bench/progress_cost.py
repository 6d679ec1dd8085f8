"""How much time do workers need for progress? The bench's workers measure it; Redis keeps the sums."""

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_process_init

from apps.core.redis import redis_client
from apps.progress import services, signals

KEY = "bench:progress"
TASKS = "tasks"  # the time of whole tasks
# What tasks call to show progress, and to count it. Where one calls another, the time belongs to the outer one.
_SHOWING = (services.refresh, services.ensure_begun, services.set_waiting, services.mark)
SHOWING, COUNTING = tuple(function.__name__ for function in _SHOWING), (services.count.__name__,)

_seconds: dict[str, float] = {}
_began = 0.0
_inside: list[str] = []


def seconds() -> dict[str, float]:
    """The seconds of all workers since :func:`reset`, by function, and under ``tasks`` those of whole tasks."""
    return {name.decode(): float(value) for name, value in redis_client().hgetall(KEY).items()}  # type: ignore[union-attr]


def reset() -> None:
    """Set all sums to zero."""
    redis_client().delete(KEY)


def _metered(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if _inside:
            return function(*arguments, **options)
        _inside.append(name)
        began = perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            _seconds[name] = _seconds.get(name, 0.0) + perf_counter() - began
            _inside.pop()

    return call


@worker_process_init.connect
def meter(**_: Any) -> None:
    """Measure from now on in this process of a worker."""
    for name in (*SHOWING, *COUNTING):
        metered = _metered(name, getattr(services, name))
        setattr(services, name, metered)
        if hasattr(signals, name):
            setattr(signals, name, metered)
    task_prerun.connect(_begin, weak=False)
    task_postrun.connect(_store, weak=False)


def _begin(**_: Any) -> None:
    global _began
    _began = perf_counter()


def _store(**_: Any) -> None:
    _seconds[TASKS] = perf_counter() - _began
    for name, value in _seconds.items():
        redis_client().hincrbyfloat(KEY, name, value)
    _seconds.clear()
