"""Is a total that was announced in full final, whatever the slices that follow give?"""

from hypothesis import given
from hypothesis import strategies as st

from apps.jobs.execution.totals import counted, following
from apps.jobs.queue.covers import is_open_list
from apps.sources.base import Fetched, Slice, SourceRecord

announcements = st.one_of(st.none(), st.integers(0, 60))


def fetched(issues: int, expected: int, follow_ups: list[Slice], others: int = 0) -> Fetched:
    """An answer with so many issues and other records."""
    records = [SourceRecord(entity, "", b"") for entity in ["issue"] * issues + ["epic"] * others]
    return Fetched(records, follow_ups, {"issue": expected} if expected else {})


def test_a_list_adds_what_it_announces_and_its_slices_only_do_it() -> None:
    whole = Slice("list")
    page = fetched(0, 5, [Slice("list"), Slice("issues", announced=3), Slice("issues", announced=2)])
    assert counted(whole, page, "issue") == (0, 5)
    assert [one.announced for one in following(whole, page, "issue")] == [None, 3, 2]
    assert counted(Slice("issues", announced=3), fetched(3, 3, []), "issue") == (3, 0)


def test_what_an_announced_slice_finds_beyond_its_number_changes_no_number() -> None:
    some = Slice("issues", announced=3)
    found = fetched(4, 1, [Slice("more"), Slice("pages", announced=9)], others=7)
    assert counted(some, found, "issue") == (3, 0)
    assert [one.announced for one in following(some, found, "issue")] == [0, 0]


def test_the_parts_of_a_slice_share_its_number() -> None:
    some = Slice("issues", announced=7)
    split = fetched(1, 0, [Slice("part"), Slice("said", announced=2), Slice("part"), Slice("part")])
    assert [one.announced for one in following(some, split, "issue")] == [1, 2, 1, 2]


def test_a_step_without_a_unit_counts_all_its_records_and_has_no_total() -> None:
    assert counted(Slice("fields"), fetched(2, 0, [], others=3), "") == (5, 0)


@given(st.data(), announcements, announcements)
def test_a_total_without_open_lists_never_grows_and_is_never_exceeded(
    data: st.DataObject, first: int | None, second: int | None
) -> None:
    """Any tree of slices, in any order: a source may say what it likes, but a list gives no more than it announces."""
    waiting = [Slice("list"), *(Slice("list", announced=one) for one in (first, second) if one is not None)]
    done, total = 0, sum(one.announced or 0 for one in waiting)
    exact: int | None = None
    for _ in range(25):
        if not waiting:
            break
        one = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
        issues = data.draw(st.integers(0, 30))
        expected = data.draw(st.integers(issues if one.announced is None else 0, 60))
        children = [Slice("part", announced=found) for found in data.draw(st.lists(announcements, max_size=3))]
        answer = fetched(issues, expected, children)
        more_done, more_total = counted(one, answer, "issue")
        done, total = done + more_done, total + more_total
        waiting += following(one, answer, "issue")
        if exact is None and not any(map(is_open_list, waiting)):
            exact = total
        if exact is not None:
            assert (total, done <= total) == (exact, True)
