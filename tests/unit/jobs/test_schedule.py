"""When does a job run next, also on the two days of a year on which the clock jumps?"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from apps.jobs.lifecycle.schedule import Schedule, occurrences, rule_problem

ZONES = ("Europe/Berlin", "America/New_York")


def local(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def times(rule: str, zone: str, after: str, number: int = 3, fold: int = 0) -> list[str]:
    found = occurrences(Schedule(rule=rule, time_zone=zone), local(zone, after, fold), number)
    return [f"{moment.astimezone(ZoneInfo(zone)):%m-%d %H:%M %z}" for moment in found]


@pytest.mark.parametrize(
    ("zone", "before", "gap", "next_day"),
    [
        ("Europe/Berlin", "2027-03-27T12:00", "03-28 03:00 +0200", "03-29 02:30 +0200"),
        ("America/New_York", "2027-03-13T12:00", "03-14 03:00 -0400", "03-15 02:30 -0400"),
    ],
)
def test_a_time_that_the_clock_skips_comes_once_right_after(zone: str, before: str, gap: str, next_day: str) -> None:
    assert times("30 2 * * *", zone, before, 2) == [gap, next_day]


@pytest.mark.parametrize(
    ("zone", "rule", "before", "first_pass", "next_day"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", "10-25 02:30 +0200", "10-26 02:30 +0100"),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", "11-01 01:30 -0400", "11-02 01:30 -0500"),
    ],
)
def test_a_time_that_the_clock_repeats_comes_once(
    zone: str, rule: str, before: str, first_pass: str, next_day: str
) -> None:
    assert times(rule, zone, before, 2) == [first_pass, next_day]


def test_nothing_comes_again_in_the_second_pass_of_a_repeated_hour() -> None:
    assert times("30 2 * * *", "Europe/Berlin", "2026-10-25T02:10", 1, fold=1) == ["10-26 02:30 +0100"]


@pytest.mark.parametrize("rule", ["15,45 2 * * *", "*/30 2 * * *", "30 2-2 * * *"])
def test_several_times_in_one_gap_are_one(rule: str) -> None:
    first, second = times(rule, "Europe/Berlin", "2027-03-27T12:00", 2)
    assert first == "03-28 03:00 +0200"
    assert second.startswith("03-29 02:")


def test_a_rule_for_some_hours_follows_the_wall_clock() -> None:
    assert times("0 */2 * * *", "Europe/Berlin", "2026-10-24T23:00") == [
        "10-25 00:00 +0200",
        "10-25 02:00 +0200",
        "10-25 04:00 +0100",
    ]


@pytest.mark.parametrize("hours", ["*", "*/1", "0-23"])
def test_a_rule_for_every_hour_counts_real_hours(hours: str) -> None:
    assert times(f"0 {hours} * * *", "Europe/Berlin", "2026-10-25T01:30") == [
        "10-25 02:00 +0200",
        "10-25 02:00 +0100",
        "10-25 03:00 +0100",
    ]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("rule", ["0 6 * * 1-5", "*/15 * * * *", "30 2 * * *", "0 0 1 * *", "5,35 */3 * * *"])
def test_occurrences_rise_and_lie_after_the_moment(zone: str, rule: str) -> None:
    moment = local(zone, "2026-01-01T00:00")
    found = occurrences(Schedule(rule=rule, time_zone=zone), moment, 400)
    assert found[0] > moment
    assert all(earlier < later for earlier, later in pairwise(found))


@pytest.mark.parametrize("rule", ["0 6 * * 1-5", "*/15 * * * *", "0 */2 * * *"])
def test_a_list_that_begins_at_an_occurrence_continues_the_same_list(rule: str) -> None:
    schedule = Schedule(rule=rule, time_zone="Europe/Berlin")
    listed = occurrences(schedule, local("Europe/Berlin", "2026-10-24T12:00"), 60)
    assert [occurrences(schedule, moment, 1)[0] for moment in listed[:-1]] == listed[1:]


def test_an_interval_counts_from_the_last_start() -> None:
    start = datetime(2026, 11, 22, 10, tzinfo=UTC)
    found = occurrences(Schedule(45), start + timedelta(minutes=50), 2, last_start=start)
    assert found == [start + timedelta(minutes=90), start + timedelta(minutes=135)]


def test_an_interval_without_a_start_counts_from_now() -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert occurrences(Schedule(45), now, 1) == [now + timedelta(minutes=45)]


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(minutes=1)])
def test_a_last_start_in_the_future_delays_no_run_by_more_than_a_period(ahead: timedelta) -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    (coming,) = occurrences(Schedule(60), now, 1, last_start=now + ahead)
    assert now < coming <= now + timedelta(minutes=60)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("0 6 * *", "five fields"),
        ("0 0 6 * * 1-5", "five fields"),
        ("@daily", "five fields"),
        ("61 * * * *", "The minute"),
        ("0 25 * * *", "The hour"),
        ("0 0 30 2 *", "The day of month"),
        ("0 0 * * LUN", "The day of week"),
        ("*/0 * * * *", "The minute"),
        ("\x00 * * * *", "The minute"),
    ],
)
def test_an_invalid_rule_is_refused_with_a_sentence(rule: str, sentence: str) -> None:
    assert sentence in rule_problem(rule)
    assert "0 6 * * 1-5" in rule_problem(rule)


@pytest.mark.parametrize("rule", ["0 6 * * 1-5", "0 0 29 2 *", "0 0 L * *", "0 8 * * MON#1", "*/5 9-17 * * MON-FRI"])
def test_a_valid_rule_is_accepted(rule: str) -> None:
    assert rule_problem(rule) == ""


def test_a_schedule_is_described_in_words() -> None:
    assert str(Schedule(rule="0 6 * * 1-5", time_zone="Europe/Berlin")) == (
        "At 06:00 on Monday through Friday, Europe/Berlin"
    )
    assert str(Schedule(90)) == "Every 90 minutes"
