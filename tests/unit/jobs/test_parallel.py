"""Are fewer slices fetched at once if the answers are large?"""

from hypothesis import given
from hypothesis import strategies as st

from apps.jobs.execution.parallel import FIRST_FETCHES, MAX_BYTES_IN_WORK, MAX_FETCHES, ParallelFetches

ROUNDS = 40


class Provider:
    """Counts the bytes of its answers."""

    def __init__(self) -> None:
        self.sent = 0

    def answer(self, parallel: ParallelFetches, size: int, slices: int = 1) -> None:
        self.sent += size * slices
        parallel.note(slices)


def fetched(*sizes: int) -> ParallelFetches:
    """The state after answers of these sizes."""
    provider = Provider()
    parallel = ParallelFetches(lambda: provider.sent)
    for size in sizes:
        provider.answer(parallel, size)
    return parallel


def test_a_step_begins_with_few() -> None:
    assert fetched().limit == FIRST_FETCHES


def test_small_answers_are_fetched_by_all() -> None:
    assert fetched(*[100_000] * ROUNDS).limit == MAX_FETCHES
    assert fetched(*[0] * ROUNDS).limit == MAX_FETCHES


@given(st.integers(0, 2 * MAX_BYTES_IN_WORK))
def test_what_is_in_memory_is_limited(size: int) -> None:
    limit = fetched(*[size] * ROUNDS).limit
    assert limit == 1 or limit * size <= MAX_BYTES_IN_WORK * 1.01
    assert limit == MAX_FETCHES or (limit + 1) * size >= MAX_BYTES_IN_WORK * 0.99


@given(st.lists(st.tuples(st.integers(0, 2 * MAX_BYTES_IN_WORK), st.integers(0, MAX_FETCHES))))
def test_a_step_never_stands_still(answers: list[tuple[int, int]]) -> None:
    provider = Provider()
    parallel = ParallelFetches(lambda: provider.sent)
    for size, slices in answers:
        provider.answer(parallel, size, slices)
        assert 1 <= parallel.limit <= MAX_FETCHES


def test_a_counter_that_begins_anew_does_no_harm() -> None:
    provider = Provider()
    provider.sent = 10**9
    parallel = ParallelFetches(lambda: provider.sent)
    provider.sent = 0
    parallel.note(3)
    assert 1 <= parallel.limit <= MAX_FETCHES


def test_answers_of_slices_that_are_not_finished_count_later() -> None:
    provider = Provider()
    parallel = ParallelFetches(lambda: provider.sent)
    provider.sent = MAX_BYTES_IN_WORK
    parallel.note(0)
    assert parallel.limit == FIRST_FETCHES
    parallel.note(1)
    assert parallel.limit == 1
