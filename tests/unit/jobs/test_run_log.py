"""Does a journal sum up what was fetched, in few lines and without losing anything?"""

from uuid import uuid4

from apps.jobs.run_log import Journal, tally
from apps.sources.base import Fetched, Slice, SourceRecord
from apps.sources.registry import definition

ISSUES = "jira_issues_with_changelogs"
TITLE = definition("jira").step(ISSUES).title


def journal_of_jira() -> Journal:
    return Journal(uuid4(), "jira")


def texts(journal: Journal) -> list[str]:
    return [line.text.removeprefix(f"{TITLE}: ") for line in journal.take()]


def fetched(number: int, scope: str = "ABC", entity: str = "issue") -> Fetched:
    request = "POST /rest/api/3/issue/bulkfetch"
    return Fetched([SourceRecord(entity, str(index), b"{}", scope, request) for index in range(number)])


def test_slices_share_a_line_that_names_their_step() -> None:
    journal = journal_of_jira()
    for scope in ("ABC", "DEF", "GHI", "JKL"):
        journal.fetched(ISSUES, tally(Slice("bulk", scope=scope), fetched(100, scope)))
    journal.fetched(ISSUES, tally(Slice("panels"), fetched(1, "ABC", "dev_status")))
    (line,) = journal.take()
    what = "fetched 400 issues, 1 dev status record from ABC, DEF, GHI and 1 more (POST /rest/api/3/issue/bulkfetch)"
    assert (line.text, line.step) == (f"{TITLE}: {what}", ISSUES)
    assert journal.take() == []


def test_a_step_of_another_version_is_named_by_its_key() -> None:
    journal = journal_of_jira()
    journal.fetched("jira_boards", tally(Slice("search"), fetched(1)))
    assert [line.text.split(":")[0] for line in journal.take()] == ["jira_boards"]


def test_an_empty_answer_has_a_line() -> None:
    journal = journal_of_jira()
    journal.fetched(ISSUES, tally(Slice("search", scope="ABC"), Fetched()))
    assert texts(journal) == ["found nothing new in ABC"]


def test_a_list_of_what_to_fetch_is_no_record() -> None:
    journal = journal_of_jira()
    listed = Fetched(follow_ups=[Slice("bulk"), Slice("bulk"), Slice("search")])
    journal.fetched(ISSUES, tally(Slice("search", scope="ABC"), listed))
    assert texts(journal) == ["found 3 more parts to fetch from ABC"]


def test_the_address_of_a_call_is_brief() -> None:
    journal = journal_of_jira()
    record = SourceRecord("issue", "1", b"{}", "ABC", "GET https://jira.example.com/rest/api/3/search/jql?jql=a")
    journal.fetched(ISSUES, tally(Slice("search"), Fetched([record])))
    assert texts(journal) == ["fetched 1 issue from ABC (GET /rest/api/3/search/jql)"]


def test_a_slice_that_is_split_is_a_warning() -> None:
    journal = journal_of_jira()
    journal.fetched(ISSUES, tally(Slice("page", scope="a/b"), Fetched(follow_ups=[Slice("page", {"first": 5})])))
    journal.note("Asks again in 0.5 s. GitHub failed on its side (502).")
    written = journal.take()
    assert [line.level for line in written] == ["warning", "warning"]
    assert written[0].text == "The provider could not return so much of a/b at once. The next requests ask for less."
