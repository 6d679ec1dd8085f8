"""How does each GraphQL field of a pull request, its reviews and comments get its value?"""

from typing import Any

from apps.sandbox.clock import github_stamp
from apps.sandbox.data.pulls import SampleCommit, SampleNote, SamplePull, SampleReview, SampleThread, node_id
from apps.sandbox.encoding import Json
from apps.sandbox.github import views
from apps.sandbox.github.executor import Fields, Getter
from apps.sandbox.github.fields import ordered, plain, same, times
from apps.sandbox.github.views import LabelView, MilestoneView, PlacedItem, PullCommit, ReviewRequest, small


def _commit(pull: SamplePull, oid: str, *, has_lost_commit: bool) -> SampleCommit | None:
    return None if has_lost_commit else next((c for c in pull.commits if c.oid == oid), None)


def _reviews(pull: SamplePull, given: Json) -> list[PlacedItem]:
    states, login = given.get("states"), given.get("author")
    return [PlacedItem(pull, r) for r in pull.reviews if (not states or r.state in states)
            and (not login or (r.author is not None and r.author.login == login))]  # fmt: skip


def _remarks(pull: Any, given: Json) -> list[PlacedItem]:
    return [
        PlacedItem(pull, c) for c in ordered(pull.remarks, given.get("orderBy"), {"UPDATED_AT": "updated"}, "created")
    ]


def _merge_commit(pull: SamplePull, given: Json) -> SampleCommit | None:
    return views.find_commit(pull.repository, pull.merge_oid)


_PULL: dict[str, Getter] = {
    **plain(id="node_id", databaseId="id", number="number", title="title", body="body", bodyText="body", state="state",
            isDraft="draft", author="author", mergedBy="merged_by", additions="additions", deletions="deletions",
            changedFiles="files", headRefName="head_ref", headRefOid="head_oid", baseRefOid="base_oid",
            baseRepository="repository", repository="repository", isCrossRepository="is_cross_repository"),
    **times(mergedAt="merged", closedAt="closed", createdAt="created", updatedAt="updated", publishedAt="created"),
    "fullDatabaseId": lambda r, a: str(r.id), "url": lambda r, a: views.pull_url(r),
    "merged": lambda r, a: r.merged is not None, "closed": lambda r, a: r.closed is not None,
    "lastEditedAt": same(None), "authorAssociation": same("MEMBER"), "baseRefName": same("main"), "locked": same(False),
    "mergeable": lambda r, a: "UNKNOWN" if r.closed else "MERGEABLE", "mergeCommit": _merge_commit,
    "headRepository": lambda r, a: None if r.is_cross_repository else r.repository,
    "headRepositoryOwner": lambda r, a: None if r.head_owner is None or r.is_cross_repository else views.OwnerView(),
    "reviewDecision": lambda r, a: views.review_decision(r),
    "milestone": lambda r, a: MilestoneView(r.repository, r.milestone) if r.milestone else None,
    "totalCommentsCount": lambda r, a: len(r.remarks) + sum(len(t.notes) for t in r.threads),
    "labels": lambda r, a: [LabelView(r.repository, name) for name in r.labels],
    "assignees": lambda r, a: r.assignees,
    "reviewRequests": lambda r, a: [ReviewRequest(r, p) for p in r.requested],
    "commits": lambda r, a: [PullCommit(r, c) for c in r.commits],
    "reviews": _reviews, "comments": _remarks,
    "reviewThreads": lambda r, a: [PlacedItem(r, t) for t in r.threads],
    "closingIssuesReferences": lambda r, a: r.closes,
}  # fmt: skip

_REVIEW: dict[str, Getter] = {
    **plain(id="item.node_id", author="item.author", state="item.state", body="item.body", pullRequest="pull",
            repository="pull.repository"),
    **times(submittedAt="item.submitted", createdAt="item.submitted", updatedAt="item.submitted"),
    "databaseId": lambda r, a: small(r.item.id), "fullDatabaseId": lambda r, a: str(r.item.id),
    "lastEditedAt": same(None), "authorAssociation": same("MEMBER"),
    "url": lambda r, a: f"{views.pull_url(r.pull)}#pullrequestreview-{r.item.id}",
    "commit": lambda r, a: _commit(r.pull, r.item.oid, has_lost_commit=r.item.has_lost_commit),
    "comments": lambda r, a: [PlacedItem(r.pull, n) for n in r.item.notes],
}  # fmt: skip


def _of_thread(place: Any) -> SampleNote:
    thread: SampleThread = place.item
    return thread.notes[0]


_THREAD: dict[str, Getter] = {
    **plain(id="item.node_id", isResolved="item.is_resolved", isCollapsed="item.is_resolved", pullRequest="pull",
            repository="pull.repository"),
    "isOutdated": lambda r, a: _of_thread(r).line is None, "path": lambda r, a: _of_thread(r).path,
    "line": lambda r, a: _of_thread(r).line, "originalLine": lambda r, a: _of_thread(r).original_line,
    "comments": lambda r, a: [PlacedItem(r.pull, n) for n in r.item.notes],
}  # fmt: skip


def _place(pull: SamplePull, item: SampleReview | SampleNote | None) -> PlacedItem | None:
    return PlacedItem(pull, item) if item else None


_NOTE: dict[str, Getter] = {
    **plain(id="item.node_id", databaseId="item.id", body="item.body", author="item.author", path="item.path",
            line="item.line", originalLine="item.original_line", pullRequest="pull", repository="pull.repository"),
    **times(createdAt="item.created", updatedAt="item.updated", publishedAt="item.created"),
    "fullDatabaseId": lambda r, a: str(r.item.id), "authorAssociation": same("MEMBER"),
    "outdated": lambda r, a: r.item.line is None, "diffHunk": lambda r, a: views.diff_hunk(r.item),
    "url": lambda r, a: f"{views.pull_url(r.pull)}#discussion_r{r.item.id}",
    "replyTo": lambda r, a: _place(r.pull, r.item.reply_to),
    "commit": lambda r, a: _commit(r.pull, r.item.oid, has_lost_commit=r.item.has_lost_commit),
    "originalCommit": lambda r, a: _commit(r.pull, r.item.oid, has_lost_commit=r.item.has_lost_commit),
    "pullRequestReview": lambda r, a: PlacedItem(r.pull, r.item.review),
}  # fmt: skip

_REMARK: dict[str, Getter] = {
    **plain(id="item.node_id", databaseId="item.id", body="item.body", author="item.author"),
    **times(createdAt="item.created", updatedAt="item.updated"),
    "fullDatabaseId": lambda r, a: str(r.item.id), "authorAssociation": same("MEMBER"), "isMinimized": same(False),
    "lastEditedAt": lambda r, a: github_stamp(r.item.updated) if r.item.updated > r.item.created else None,
    "url": lambda r, a: f"{views.page_url(r.pull)}#issuecomment-{r.item.id}",
}  # fmt: skip

_TICKET: dict[str, Getter] = {
    **plain(id="node_id", databaseId="id", number="number", title="title", body="body", author="author",
            repository="repository"),
    **times(createdAt="created", updatedAt="updated", closedAt="closed"),
    "fullDatabaseId": lambda r, a: str(r.id), "url": lambda r, a: views.page_url(r),
    "state": lambda r, a: "CLOSED" if r.closed else "OPEN", "closed": lambda r, a: r.closed is not None,
    "stateReason": lambda r, a: "COMPLETED" if r.closed else None,
    "labels": lambda r, a: [LabelView(r.repository, name) for name in r.labels], "comments": _remarks,
}  # fmt: skip

PULL_FIELDS: Fields = {
    "PullRequest": _PULL,
    "PullRequestReview": _REVIEW,
    "PullRequestReviewThread": _THREAD,
    "PullRequestReviewComment": _NOTE,
    "IssueComment": _REMARK,
    "Issue": _TICKET,
    "ReviewRequest": {
        "id": lambda r, a: node_id("RR", r.pull.id, r.person.github_id),
        "databaseId": lambda r, a: r.pull.id - 1_000_000_000,
        "requestedReviewer": plain(p="person")["p"],
    },
}
