"""Does a journal sum up what was fetched, in few lines and without losing anything?"""

from uuid import uuid4

from apps.jobs.run_log import Journal, tally
from apps.sources.base import Fetched, RawRecord, Slice


def fetched(number: int, scope: str = "ABC", entity: str = "issue") -> Fetched:
    request = "POST /rest/api/3/issue/bulkfetch"
    return Fetched([RawRecord(entity, str(index), b"{}", scope, request) for index in range(number)])


def test_slices_are_told_together() -> None:
    journal = Journal(uuid4())
    for scope in ("ABC", "DEF", "GHI", "JKL"):
        journal.fetched("issues", tally(Slice("bulk", scope=scope), fetched(100, scope)))
    journal.fetched("issues", tally(Slice("panels"), fetched(1, "ABC", "dev_status")))
    (line,) = journal.take()
    what = "Fetched 400 issues, 1 dev status record of ABC, DEF, GHI and 1 more (POST /rest/api/3/issue/bulkfetch)"
    assert (line.text, line.step) == (what, "issues")
    assert journal.take() == []


def test_an_empty_answer_is_told() -> None:
    journal = Journal(uuid4())
    journal.fetched("issues", tally(Slice("search", scope="ABC"), Fetched()))
    assert [line.text for line in journal.take()] == ["Fetched nothing new of ABC (1 slice)"]


def test_a_list_of_what_follows_is_told_as_that() -> None:
    journal = Journal(uuid4())
    listed = Fetched(follow_ups=[Slice("bulk"), Slice("bulk"), Slice("search")])
    journal.fetched("issues", tally(Slice("search", scope="ABC"), listed))
    assert [line.text for line in journal.take()] == ["Fetched a list of 3 slices of ABC (1 slice)"]


def test_the_address_of_a_call_is_brief() -> None:
    journal = Journal(uuid4())
    record = RawRecord("issue", "1", b"{}", "ABC", "GET https://jira.example.com/rest/api/3/search/jql?jql=a")
    journal.fetched("issues", tally(Slice("search"), Fetched([record])))
    assert [line.text for line in journal.take()] == ["Fetched 1 issue of ABC (GET /rest/api/3/search/jql)"]


def test_a_slice_that_is_asked_in_pieces_is_a_warning() -> None:
    journal = Journal(uuid4())
    journal.fetched("prs", tally(Slice("page", scope="a/b"), Fetched(follow_ups=[Slice("page", {"first": 5})])))
    journal.note("Asks again in 0.5 s. GitHub failed on its side (502).")
    written = journal.take()
    assert [line.level for line in written] == ["warning", "warning"]
    assert written[0].text == "Too much at once for the provider: asks for less of a/b at a time."
