"""How long do workers deal with progress? Measured in the bench's workers; Redis keeps the sums."""

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

from celery.signals import task_postrun, task_prerun, worker_process_init

from apps.core.redis import redis_client
from apps.progress import services, signals

KEY = "bench:progress"
TASKS = "tasks"  # the time of whole tasks
# What tasks call for the sake of progress: to show it, and to count. Where one calls another, the outer one has it all.
TOLD, COUNTED = ("refresh", "working", "wait", "mark"), ("count",)

_spent: dict[str, float] = {}
_began = 0.0
_inside: list[str] = []


def seconds() -> dict[str, float]:
    """By function, and in ``tasks`` altogether, what all workers have spent since :func:`forget`."""
    return {name.decode(): float(value) for name, value in redis_client().hgetall(KEY).items()}  # type: ignore[union-attr]


def forget() -> None:
    """Begin anew."""
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
            _spent[name] = _spent.get(name, 0.0) + perf_counter() - began
            _inside.pop()

    return call


@worker_process_init.connect
def meter(**_: Any) -> None:
    """Measure from now on in this process of a worker."""
    for name in (*TOLD, *COUNTED):
        metered = _metered(name, getattr(services, name))
        setattr(services, name, metered)
        if hasattr(signals, name):
            setattr(signals, name, metered)
    task_prerun.connect(_begin, weak=False)
    task_postrun.connect(_tell, weak=False)


def _begin(**_: Any) -> None:
    global _began
    _began = perf_counter()


def _tell(**_: Any) -> None:
    _spent[TASKS] = perf_counter() - _began
    for name, spent in _spent.items():
        redis_client().hincrbyfloat(KEY, name, spent)
    _spent.clear()
