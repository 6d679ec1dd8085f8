"""Which fields are recognised, and which of several values is taken?"""

from itertools import permutations
from typing import Any

import pytest

from apps.sources.jira import Jira
from apps.sources.jira.fields import TEAM_POINTS, VALUE_TYPES, find_fields
from apps.sources.rows import Issue
from tests.unit.sources.jira.conftest import MakeContext
from tests.unit.sources.jira.samples import issue, record

PREFIX = "com.atlassian.jira.plugin.system.customfieldtypes:"
NUMBER = PREFIX + "float"
OTHER_TYPES = [PREFIX + name for name in ("textarea", "datepicker", "labels", "multiselect", "userpicker", "url")]


def field(number: int, name: Any, custom: Any = NUMBER, **more: Any) -> dict[str, Any]:
    return {"id": f"customfield_{number}", "name": name, "schema": {"custom": custom}, **more}


def points_of(*fields: dict[str, Any]) -> tuple[str, ...]:
    return find_fields([record("field", each["id"], each) for each in fields]).story_points


@pytest.mark.parametrize("kind", sorted(VALUE_TYPES))
@pytest.mark.parametrize(
    "name",
    [
        "Story Points", "story points", " Story Point Estimate ", "Story Points (new)", "Story points old",
        "STORY-POINTS", "Initial story points", "Story Pts", "story_points_2", "Story point", "StoryPoints",
        "[Team A] Story Points",
    ],
)  # fmt: skip
def test_story_points_are_known_by_name_in_every_type_of_one_value(name: str, kind: str) -> None:
    assert points_of(field(1, name, kind)) == ("customfield_1",)
    assert points_of(field(1, "Punkte", kind, untranslatedName=name)) == ("customfield_1",)


@pytest.mark.parametrize(
    "name", ["Points", "Cost", "History points", "Story", "Story pointer", "", None, 5, ["Story Points"]]
)
def test_other_names_are_no_story_points(name: Any) -> None:
    assert points_of(field(1, name)) == ()


@pytest.mark.parametrize("kind", [*OTHER_TYPES, "", None, 5])
def test_other_types_are_no_story_points(kind: Any) -> None:
    assert points_of(field(1, "Story Points", kind)) == ()


def test_fields_that_have_the_name_come_first() -> None:
    fields = [field(1, "Story Points (old)"), field(2, "Story Points"), field(3, "Points of the team", TEAM_POINTS)]
    for order in permutations(fields):
        assert points_of(*order)[2] == "customfield_1"


@pytest.mark.parametrize(
    ("value", "points"),
    [
        (5, 5.0), (0, 0.0), (2.5, 2.5), ("5", 5.0), ("2,5", 2.5), ({"value": "5"}, 5.0), ({"value": 8}, 8.0),
        ({"value": "XL"}, None), ({"value": None}, None), ({}, None), ([], None), ([{"value": "5"}], None),
        (None, None), (True, None), ("", None),
    ],
)  # fmt: skip
def test_numbers_options_and_texts_are_points(make_context: MakeContext, value: Any, points: float | None) -> None:
    assert loaded(make_context, {1: value}, field(1, "Story Points", PREFIX + "select")) == points


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ({1: 0, 2: 8}, 8.0), ({1: 8, 2: 0}, 8.0), ({1: None, 2: 0}, 0.0), ({1: 0, 2: 0, 3: 0}, 0.0),
        ({1: 3, 2: 8}, 3.0), ({1: 0, 2: "many", 3: {"value": "5"}}, 5.0), ({1: "0", 3: 13}, 13.0), ({3: 2}, 2.0),
        ({}, None),
    ],
)  # fmt: skip
def test_a_forgotten_zero_does_not_hide_the_points(
    make_context: MakeContext, values: dict[int, Any], points: float | None
) -> None:
    fields = [field(1, "Story Points"), field(2, "Story point estimate", TEAM_POINTS), field(3, "Story Points (new)")]
    assert loaded(make_context, values, *fields) == points


def loaded(make_context: MakeContext, values: dict[int, Any], *fields: dict[str, Any]) -> float | None:
    """The story points of an issue with these values in its custom fields."""
    context = make_context(with_fields=False)
    context.store([record("field", each["id"], each) for each in fields])
    payload = issue(1, **{f"customfield_{number}": value for number, value in values.items()})
    (row,) = [row for row in Jira().transform(record("issue", "1", payload), context).rows if isinstance(row, Issue)]
    return row.story_points
