"""How do all templates draw icons, states, bars, times and numbers in the same way?"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import template
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.jobs.choices import Outcome
from apps.jobs.lifecycle import transitions
from apps.jobs.lifecycle.controls import CONTROLS
from apps.jobs.models import Run
from apps.progress.choices import RunState
from apps.progress.engine.words import UNITS, duration_words
from apps.progress.engine.words import whole_percent as rounded_down
from apps.warehouse.models import MODELS

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the page's sprite. It is decoration: words beside it say the same."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


@register.inclusion_tag("dashboard/parts/state.html")
def state(value: str, live: str = "") -> dict[str, str]:
    """A state as icon, word and tone. ``live`` is the name under which the script updates it."""
    return {"name": value.lower(), "word": value.replace("_", " ").replace("-", " ").capitalize(), "live": live}


@register.inclusion_tag("dashboard/parts/state.html")
def outcome(run: Run) -> dict[str, str]:
    """How a run ended, or its state while it is active. A run with missing records is never shown as plain green."""
    shown = Outcome(run.outcome) if run.state == RunState.FINISHED and run.outcome else RunState(run.state)
    return {"name": shown.icon, "word": str(shown.label), "live": ""}


@register.inclusion_tag("dashboard/parts/when.html")
def when(moment: datetime | None, otherwise: str = "—") -> dict[str, Any]:
    """A time in absolute form with its time zone, and relative to now."""
    this_year = moment is not None and moment.year == timezone.now().year
    return {
        "moment": moment,
        "form": "j M, H:i T" if this_year else "j M Y, H:i T",
        "relative": relative(moment) if moment else "",
        "otherwise": otherwise,
    }


@register.filter
def clock(moment: datetime) -> str:
    """A time as a card shows it, in the user's time zone; with its date unless that is today."""
    here = timezone.localtime(moment)
    return date_format(here, "H:i T" if here.date() == timezone.localdate() else "j M, H:i T")


@register.filter
def relative(moment: datetime) -> str:
    """``5 min ago`` or ``in 2 h``. The script keeps it up to date."""
    seconds = round((moment - timezone.now()).total_seconds())
    if abs(seconds) < 10:
        return "just now"
    size, unit = next((size, unit) for size, unit in UNITS if abs(seconds) >= size)
    text = f"{abs(seconds) // size} {unit}"
    return f"in {text}" if seconds > 0 else f"{text} ago"


@register.filter
def duration(span: timedelta | None) -> str:
    """``2 min 19 s``: the two largest units; a dash for ``None``."""
    return "—" if span is None else duration_words(span.total_seconds())


@register.filter
def seconds(number: float) -> str:
    """A number of seconds in the form of :func:`duration`."""
    return duration(timedelta(seconds=number))


@register.filter
def number(value: float | None) -> str:
    """``12,345``; a dash for ``None``."""
    return "—" if value is None else f"{value:,.0f}"


@register.filter
def whole_percent(value: float) -> int:
    """``99`` for 99.9, because only a run that has succeeded is shown at 100 percent."""
    return rounded_down(value)


@register.filter
def kind(name: str) -> str:
    """The name of a kind of records in words: ``issue_comment`` is *Issue comments*."""
    model = MODELS.get(name)
    words = str(model._meta.verbose_name_plural) if model else name.replace("_", " ")
    return words[:1].upper() + words[1:]


@register.filter
def one_kind(name: str) -> str:
    """The name of one record of a kind: ``issue_comment`` is *Issue comment*."""
    model = MODELS.get(name)
    words = str(model._meta.verbose_name) if model else name.replace("_", " ")
    return words[:1].upper() + words[1:]


@register.filter
def past_words(action: str) -> str:
    """The words of the history for an action."""
    return transitions.past_words(action)


@register.simple_tag
def start_effect(mode: str) -> str:
    """What starting a run of this mode does."""
    return next(control.effect for control in CONTROLS.values() if control.mode == mode)


@register.simple_tag
def volume(amount: int, job_type: str) -> str:
    """How much a run read, in words."""
    return f"{amount:,} {volume_noun(job_type).lower()}{'' if amount == 1 else 's'}"


@register.simple_tag
def volume_noun(job_type: str) -> str:
    """What the runs of a job read: *Text* or *Record*."""
    return "Text" if job_type == "vectorization" else "Record"


@register.filter
def short_id(run_id: UUID) -> str:
    """The first eight characters of a run's id."""
    return str(run_id)[:8]
