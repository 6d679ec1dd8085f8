"""How far is a run in step *i* of *n* equal steps? The formula of the owner's progress document."""


def overall_percent(step_index: int, total_steps: int, step_progress: float | None) -> float:
    """The percent at ``step_progress`` (0..1) of a step: ``(i + p) · 100 / n``.

    ``None`` means the end of the step, because its total was unknown.
    """
    _check_whole("total_steps", total_steps)
    _check_whole("step_index", step_index)
    if total_steps < 1:
        raise ValueError(f"total_steps must be at least 1, not {total_steps}.")
    if not 0 <= step_index < total_steps:
        raise ValueError(f"step_index counts from 0: it must be from 0 to {total_steps - 1}, not {step_index}.")
    if step_progress is not None:
        check_number("step_progress", step_progress, 1.0)
    return (step_index + (1.0 if step_progress is None else step_progress)) * 100 / total_steps


def check_number(name: str, value: float, high: float) -> None:
    """Raise ``TypeError`` or ``ValueError``, with the name, unless ``value`` is a number from 0 to ``high``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number from 0 to {high:g}, not {value!r}.")
    if not 0 <= value <= high:
        raise ValueError(f"{name} must be from 0 to {high:g}, not {value!r}.")


def _check_whole(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}.")
