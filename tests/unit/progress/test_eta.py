"""Is the ETA a coarse range, shown only when something is known, and forgotten when nothing moves?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.progress.engine.bar import TotalKind
from apps.progress.engine.eta import (
    MIN_PACE_SECONDS,
    Pace,
    SecondsRange,
    coarse,
    estimate,
    expires_at,
    interrupted,
    known_rate,
    sampled,
)
from apps.progress.engine.words import (
    Unit,
    count_words,
    left_words,
    range_words,
    rate_words,
    step_message,
    unit_of,
    with_rate,
)
from apps.sources.definition import Stage, StepDefinition

steps = st.lists(st.tuples(st.integers(1, 1000), st.floats(0.01, 300)), min_size=1, max_size=50)


def _pace(samples: int, *, items: int = 100, seconds: float = 2.0) -> Pace:
    pace = sampled(None, "issues", 0, 0.0)
    for number in range(1, samples + 1):
        pace = sampled(pace, "issues", number * items, number * seconds)
    return pace


@given(steps)
def test_the_rate_stays_between_the_slowest_and_the_fastest_sample(steps: list[tuple[int, float]]) -> None:
    pace, done, now = sampled(None, "issues", 0, 0.0), 0, 0.0
    for items, seconds in steps:
        done, now = done + items, now + seconds
        pace = sampled(pace, "issues", done, now)
    rates = [items / seconds for items, seconds in steps]
    assert min(rates) * 0.999 <= pace.rate <= max(rates) * 1.001
    assert pace.samples == len(steps)


def test_an_even_pace_gives_its_rate_and_a_range_around_the_truth() -> None:
    pace = _pace(20)
    assert known_rate(pace) == pytest.approx(50)
    span = estimate(pace, 50 * 240, [], [], 40.0)
    assert span is not None
    assert span.low <= 240 <= span.high
    assert span.low % 60 == span.high % 60 == 0


def test_slow_work_has_a_rate_as_well() -> None:
    assert known_rate(_pace(4, items=1, seconds=300.0)) == pytest.approx(1 / 300)


@pytest.mark.parametrize(("samples", "seconds"), [(2, 10.0), (4, 1.0)])
def test_no_eta_before_enough_samples(samples: int, seconds: float) -> None:
    pace = _pace(samples, seconds=seconds)
    assert estimate(pace, 1000, [100.0], [], samples * seconds) is None


def test_the_rate_leaves_out_a_wait() -> None:
    pace = interrupted(_pace(10))
    assert estimate(pace, 1000, [], [], 20.0) is None
    pace = sampled(pace, "issues", 1000, 3600.0)
    pace = sampled(pace, "issues", 1100, 3602.0)
    assert known_rate(pace) == pytest.approx(50)


def test_no_growth_is_no_sample() -> None:
    pace = _pace(5)
    assert sampled(pace, "issues", 500, 60.0) == pace


@given(st.integers(3, 30), st.floats(0.1, 100))
def test_eta_expires_without_new_samples(samples: int, seconds: float) -> None:
    pace = _pace(samples, seconds=max(seconds, 5 / samples * 1.1))
    expires = expires_at(pace)
    assert expires is not None
    assert expires >= samples * seconds + MIN_PACE_SECONDS - 1e-6
    assert estimate(pace, 1000, [], [], expires - 0.001) is not None
    assert estimate(pace, 1000, [], [], expires + 0.001) is None


def test_steps_that_never_ran_make_the_end_unknown() -> None:
    assert estimate(_pace(20), 1000, [], [[]], 40.0) is None


def test_later_steps_come_from_history() -> None:
    with_later, alone = (estimate(_pace(20), 50 * 100, [], later, 40.0) for later in ([[600.0, 620.0, 640.0]], []))
    assert with_later is not None
    assert alone is not None
    assert with_later.low >= alone.low + 500
    assert with_later.high >= alone.high + 600


def test_history_counts_while_samples_are_few() -> None:
    by_rate, blended = (estimate(_pace(3), 50 * 100, here, [], 6.0) for here in ([], [1000.0] * 3))
    assert by_rate is not None
    assert blended is not None
    assert blended.low > by_rate.high


def test_an_unknown_total_is_estimated_from_history_until_that_is_over() -> None:
    assert estimate(_pace(5), None, [100.0, 110.0, 120.0], [], 10.0) is not None
    assert estimate(_pace(20), None, [30.0, 31.0, 32.0], [], 40.0) is None


def test_another_counter_begins_a_pace_of_its_own() -> None:
    pace = sampled(_pace(5), "comments", 40, 11.0)
    assert (pace.samples, pace.run_samples, known_rate(pace)) == (0, 5, None)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_coarse_range_holds_the_exact_one(one: float, other: float) -> None:
    exact = SecondsRange(min(one, other), max(one, other))
    rounded = coarse(exact)
    assert rounded.low <= exact.low
    assert exact.high <= rounded.high
    assert rounded.low < rounded.high


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (SecondsRange(240, 360), "4–6 min"),
        (SecondsRange(20, 40), "20–40 s"),
        (SecondsRange(0, 120), "under 2 min"),
        (SecondsRange(5400, 7200), "1.5–2 h"),
        (SecondsRange(1500, 5400), "25 min–1.5 h"),
        (SecondsRange(30, 120), "30 s–2 min"),
        (SecondsRange(60, 120), "1–2 min"),
    ],
)
def test_a_range_reads_like_this(span: SecondsRange, words: str) -> None:
    assert range_words(span) == words


@pytest.mark.parametrize(("rate", "words"), [(240.4, "240/s"), (2.5, "2.5/s"), (0.4, "24/min"), (12000, "12,000/s")])
def test_a_rate_reads_like_this(rate: float, words: str) -> None:
    assert rate_words(rate) == words


@pytest.mark.parametrize(
    ("left", "steps", "words"),
    [
        ([], [], ""),
        ([(1, True)], [], "Still to do: 1 text to be embedded"),
        ([(9184, False)], ["Finish"], "Still to do: ≈9,200 texts to be embedded, then Finish"),
        ([], ["Fetch", "Process"], "Still to do: Fetch and 1 more step"),
        (
            [(7, False)],
            ["Fetch", "Process", "Link"],
            "Still to do: ≈7 texts to be embedded, then Fetch and 2 more steps",
        ),
    ],
)
def test_what_is_left_reads_like_this(left: list[tuple[int, bool]], steps: list[str], words: str) -> None:
    assert left_words([(Unit("text", "embedded"), number, is_exact) for number, is_exact in left], steps) == words


@pytest.mark.parametrize(
    ("done", "total", "kind", "rate", "words"),
    [
        (1200, 5000, TotalKind.EXACT, 240.0, "Fetch: 1,200 of 5,000 issues extracted (240/s)"),
        (1, 1, TotalKind.EXACT, None, "Fetch: 1 of 1 issue extracted"),
        (1200, 5000, TotalKind.ESTIMATE, None, "Fetch: 1,200 of ≈5,000 issues extracted"),
        (5200, 5000, TotalKind.ESTIMATE, None, "Fetch: 5,200 of ≈5,200 issues extracted"),
        (1200, 0, TotalKind.UNKNOWN, 240.0, "Fetch: 1,200 issues extracted so far (240/s)"),
        (0, 0, TotalKind.UNKNOWN, None, "Fetch"),
    ],
)
def test_a_step_says_its_counts(done: int, total: int, kind: TotalKind, rate: float | None, words: str) -> None:
    count = count_words(done, total, kind, Unit("issue", "extracted"))
    assert step_message("Fetch", with_rate(count, rate)) == words


@pytest.mark.parametrize(
    ("step", "stage", "unit"),
    [
        (StepDefinition("a", "A", unit="pull_request"), Stage.EXTRACTION, "pull requests extracted"),
        (StepDefinition("a", "A", unit="pull_request"), Stage.TRANSFORM, "records transformed"),
        (StepDefinition("a", "A"), Stage.EXTRACTION, "records extracted"),
        (StepDefinition("a", "A"), Stage.EMBEDDING, "texts embedded"),
        (StepDefinition("a", "A", stages=(Stage.EMBEDDING,), counts="check"), Stage.EMBEDDING, "checks done"),
        (None, Stage.TRANSFORM, "records transformed"),
    ],
)
def test_every_counter_has_a_unit(step: StepDefinition | None, stage: Stage, unit: str) -> None:
    found = unit_of(step, stage)
    assert f"{found.plural(2)} {found.verb}" == unit
