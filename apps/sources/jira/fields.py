"""Which custom fields contain sprint, story points, epic and development? Their ids differ from site to site."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from apps.sources.base import Context, SourceRecord
from apps.sources.jira.client import Payload
from apps.sources.reading import read_json

SPRINT = "com.pyxis.greenhopper.jira:gh-sprint"
EPIC_LINK = "com.pyxis.greenhopper.jira:gh-epic-link"
TEAM_POINTS = "com.pyxis.greenhopper.jira:jsw-story-points"
DEVELOPMENT = "com.atlassian.jira.plugins.jira-development-integration-plugin:devsummarycf"
# Story points may be in any field of one value: a number, an option, a text. Its name tells them.
VALUE_TYPES = frozenset(
    f"com.atlassian.jira.plugin.system.customfieldtypes:{name}"
    for name in ("float", "select", "radiobuttons", "textfield")
)
POINTS_NAMES = frozenset({"story points", "story point estimate"})
# Also Story Points (new), Initial story points.
_LIKE_POINTS = re.compile(r"(?<![a-z])story[\s_-]*(?:points?|pts?)(?![a-z])", re.IGNORECASE)


class SiteFields(NamedTuple):
    """Ids of the custom fields by meaning. A meaning may have several fields, the best first, or none."""

    sprint: tuple[str, ...] = ()
    story_points: tuple[str, ...] = ()
    epic_link: tuple[str, ...] = ()
    development: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All ids, each once."""
        return tuple(dict.fromkeys(self.sprint + self.story_points + self.epic_link + self.development))


class FieldSchemaPayload(Payload):
    """The type of a field. `custom` is the type name of a custom field; built-in fields have none."""

    custom: str | None = None


class FieldPayload(Payload, rename="camel"):
    """A field of the site."""

    id: str = ""
    name: str | None = None
    untranslated_name: str | None = None
    schema: FieldSchemaPayload | None = None


def site_fields(context: Context) -> SiteFields:
    """The custom fields of the connected site, looked up once per run and process."""
    return context.memo("jira fields", lambda: find_fields(context.current("field")))


def find_fields(records: Iterable[SourceRecord]) -> SiteFields:
    """Recognise the fields by their type. Story points are recognised by type and (untranslated) name.

    A field whose name is only like that of story points comes after those that have the name.
    """
    found: dict[str, list[str]] = {"sprint": [], "story_points": [], "epic_link": [], "development": [], "like": []}
    for record in records:
        meaning = _meaning(record.payload)
        if meaning and record.external_id.isidentifier():
            found[meaning].append(record.external_id)
    found["story_points"] += found.pop("like")
    return SiteFields(**{meaning: tuple(ids) for meaning, ids in found.items()})


def _meaning(payload: bytes) -> str:
    try:
        field = read_json(payload, FieldPayload)
    except msgspec.DecodeError:
        return ""
    kind = (field.schema and field.schema.custom) or ""
    if kind in VALUE_TYPES:
        names = [(name or "").strip().lower() for name in (field.name, field.untranslated_name)]
        if POINTS_NAMES.intersection(names):
            return "story_points"
        return "like" if any(map(_LIKE_POINTS.search, names)) else ""
    meanings = {
        SPRINT: "sprint",
        EPIC_LINK: "epic_link",
        TEAM_POINTS: "story_points",
        DEVELOPMENT: "development",
    }
    return meanings.get(kind, "")
