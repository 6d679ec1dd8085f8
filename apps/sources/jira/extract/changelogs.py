"""Which histories do issues have? They are read in bulk, and alone where an answer cannot be whole.

A changelog only grows. So an answer that lacks stored histories has a hole: the stored ones stay, and a skip names the
issue. An issue that was changed later than its newest history, without any other sign of that change, gives rise to a
doubt: it is asked for alone. Doubts may cost few requests, unless they turn out to be right.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

import msgspec

from apps.sources.base import Context, Fetched, Skip, Slice, SourceRecord
from apps.sources.errors import OF_ALL_REQUESTS, InvalidAnswerError, SourceError
from apps.sources.jira.client import API, ChangelogsPayload, JiraClient, read_shape
from apps.sources.jira.extract.args import ChangedIssueArgs, ChangelogsArgs
from apps.sources.jira.extract.deletions import found_slice
from apps.sources.jira.extract.infos import IssueInfoPayload, newest_time
from apps.sources.jira.extract.paging import Batches, ask_twice, each, id_of, walk
from apps.sources.text import first_of, parse_time

ISSUES_PER_CALL = 200
MAX_ALONE = 50  # issues per slice that are asked for one by one
MAX_NEEDLESS = 5  # doubts of a run that may be wrong, and one more per so many requests:
REQUESTS_PER_DOUBT = 50
TOLERANCE = timedelta(seconds=2)  # between a history and the time at which its issue changed

Histories = dict[str, bytes]  # by id


class Doubts:
    """How many doubts were not right in this run."""

    def __init__(self) -> None:
        self.needless = 0

    def is_allowed(self, requests: int) -> bool:
        """Whether another doubt may cost a request."""
        return self.needless < MAX_NEEDLESS + requests // REQUESTS_PER_DOUBT


def changelogs_slice(infos: Mapping[str, IssueInfoPayload]) -> Slice:
    """The slice that reads the changelogs of some issues."""
    issues = [
        ChangedIssueArgs(name, info.key, info.project, info.updated, info.explained) for name, info in infos.items()
    ]
    return Slice.of("changelogs", ChangelogsArgs(issues))


def fetch_changelogs(slice_: Slice, context: Context) -> Fetched:
    """One record per issue with all of its histories; a skip for each issue whose histories are not all there."""
    issues = {issue.id: issue for issue in slice_.read(ChangelogsArgs).issues}
    changelogs = _Changelogs(issues, context)
    changelogs.ask_in_bulk()
    changelogs.ask_alone()
    return changelogs.fetched()


class _Changelogs:
    """The histories of some issues, as far as they are known."""

    def __init__(self, issues: dict[str, ChangedIssueArgs], context: Context) -> None:
        self._issues = issues
        self._client = JiraClient(context.http)
        self._context = context
        self._given: dict[str, Histories] = defaultdict(dict)
        self._complete: set[str] = set()
        self._refused: dict[str, str] = {}
        self._trouble: SourceError | None = None  # if the bulk call does not work at all
        self._kept: dict[str, Histories] = {}  # of issues for which Jira did not give all stored ones

    def ask_in_bulk(self) -> None:
        """Ask for all of them, in batches. What a page of an answer holds is kept, even if the next one is refused."""
        try:
            batches = Batches(self._context.http.sizes, "jira changelogs", ISSUES_PER_CALL)
            self._refused = batches.run(list(self._issues), self._ask)
        except OF_ALL_REQUESTS:
            raise
        except SourceError as error:
            self._trouble = error

    def _ask(self, ids: list[str]) -> list[str]:
        token, visited = None, set[str]()
        while True:
            token = self._ask_page(ids, token)
            if not token:
                self._complete.update(ids)
                return []
            if token in visited:
                raise InvalidAnswerError("Jira's changelogs repeat a page and have no end.")
            visited.add(token)

    def _ask_page(self, ids: list[str], token: str | None) -> str | None:
        """Keep the histories of a page, and nothing else of it; gives the token of the next page."""
        page = ask_twice(partial(self._client.changelogs, ids, token), ChangelogsPayload.is_empty)
        for changes in page.issue_change_logs:
            self._take(str(changes.issue_id), changes.change_histories)
        return page.next_page_token

    def _take(self, issue: str, histories: list[msgspec.Raw]) -> None:
        if issue in self._issues:
            self._given[issue].update((id_of(history), bytes(history)) for history in histories)

    def ask_alone(self) -> None:
        """Ask for the issues whose answer cannot be whole, one by one. Raises if nothing at all was given."""
        self._keep_stored(list(self._issues))
        certain = [issue for issue in self._issues if issue not in self._complete or issue in self._kept]
        doubtful = [issue for issue in self._issues if issue not in certain and self._is_unexplained(issue)]
        if not any(self._given.values()):  # an answer without any history is no answer
            certain, doubtful = certain + doubtful, []
        for issue in certain[MAX_ALONE:]:
            self._refused.setdefault(issue, "Jira did not give it in bulk.")
        refused = each(certain[:MAX_ALONE], self._ask_one)
        if self._trouble and len(refused) == len(certain[:MAX_ALONE]) and not any(self._given.values()):
            raise self._trouble
        doubts = self._context.memo("jira changelog doubts", Doubts)
        for issue in doubtful:
            if doubts.is_allowed(self._context.http.requests):
                before = len(self._given[issue])
                refused |= each([issue], self._ask_one)
                doubts.needless += len(self._given[issue]) == before
        self._refused |= {name: str(error) for name, error in refused.items()}
        self._keep_stored(list(self._kept))

    def _ask_one(self, issue: str) -> None:
        for history in walk(partial(self._client.changelog, issue)):
            self._take(issue, [history])
        self._complete.add(issue)
        self._refused.pop(issue, None)

    def _keep_stored(self, names: list[str]) -> None:
        """Find the issues among ``names`` for which Jira did not give all stored histories."""
        self._kept = {}
        for record in self._context.find_all("issue_changelog", names) if names else ():
            stored = {id_of(item): bytes(item) for item in read_shape(record.payload, list[msgspec.Raw])}
            if stored.keys() - self._given[record.external_id].keys():
                self._kept[record.external_id] = stored

    def _is_unexplained(self, name: str) -> bool:
        """Whether an issue was changed after everything that is known of it."""
        issue = self._issues[name]
        if not issue.explained:
            return not self._given[name]
        known, updated = newest_time(self._given[name].values(), issue.explained), parse_time(issue.updated)
        return bool(known and updated and updated > known + TOLERANCE)

    def fetched(self) -> Fetched:
        """What is known, and a skip for each reason why something is missing."""
        fetched, reasons = Fetched(), defaultdict[str, list[ChangedIssueArgs]](list)
        for name, issue in self._issues.items():
            stored, given = self._kept.get(name, {}), self._given.pop(name, {})  # the record holds them from now on
            if name in self._complete or given:
                fetched.records.append(_record(issue, stored | given))
            if name in self._refused:
                reasons[self._refused[name]].append(issue)
            elif name in self._kept:
                reasons["Jira no longer gives all entries that are stored."].append(issue)
        for why, issues in reasons.items():
            names = first_of([issue.key or issue.id for issue in issues])
            scopes = {issue.project for issue in issues}
            scope = scopes.pop() if len(scopes) == 1 else ""
            reason = f"The changelogs of {names} are not complete. {why}"
            fetched.skips.append(Skip(scope, reason, again=found_slice([issue.id for issue in issues])))
        fetched.expected = {"issue_changelog": len(self._issues)}
        return fetched


def _record(issue: ChangedIssueArgs, histories: Histories) -> SourceRecord:
    payload = b"[" + b",".join(histories.values()) + b"]"
    request = f"POST {API}/changelog/bulkfetch"
    return SourceRecord("issue_changelog", issue.id, payload, issue.project, request, parse_time(issue.updated))


FETCHERS: dict[str, Callable[[Slice, Context], Fetched]] = {"changelogs": fetch_changelogs}
