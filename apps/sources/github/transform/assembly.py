"""Is everything of a large pull request stored now? Then its lists are put together from the records of their pages.

A list that goes on is stored page by page, and no page alone can say that a child is gone. Whoever transforms the last
page of a list looks whether the other pages are there, all read in one and the same state of the pull request.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from apps.sources.base import Context, RawRecord
from apps.sources.github.entities import CHILD_LISTS
from apps.sources.github.transform.shapes import ChildPage, Comment, Nodes, Owner, PullRequest, Thread, ThreadPage
from apps.sources.text import read_json

N = TypeVar("N")


class IncompleteError(Exception):
    """A page is not stored, or tells of another state of the pull request."""


def assembled(record: RawRecord, context: Context) -> PullRequest | None:
    """The pull request of ``record`` with all of its lists whole, ``None`` while something is missing."""
    told = read_json(record.payload, PullRequest)
    pages = _Pages(record.external_id, told, context)
    try:
        threads = pages.whole(told.review_threads, "reviewThreads", lambda page: page.review_threads)
        return msgspec.structs.replace(
            told,
            commits=pages.whole(told.commits, "commits", lambda page: page.commits),
            reviews=pages.whole(told.reviews, "reviews", lambda page: page.reviews),
            comments=pages.whole(told.comments, "comments", lambda page: page.comments),
            review_threads=Nodes([pages.whole_thread(thread) for thread in threads.nodes if thread]),
        )
    except IncompleteError:
        return None


class _Pages:
    """The stored pages of one pull request."""

    def __init__(self, owner: str, told: PullRequest, context: Context) -> None:
        self.owner, self.told, self.context = owner, told, context

    def whole(self, first: Nodes[N] | None, name: str, list_of: Callable[[ChildPage], Nodes[N] | None]) -> Nodes[N]:
        """A list of the pull request with the children of all of its pages."""

        def page_at(offset: int) -> Nodes[N] | None:
            page = read_json(self._stored(CHILD_LISTS[name], name, offset), ChildPage)
            self._check(page)
            return list_of(page)

        return _joined(first, page_at)

    def whole_thread(self, thread: Thread) -> Thread:
        """A review thread with all of its comments."""

        def page_at(offset: int) -> Nodes[Comment] | None:
            page = read_json(self._stored(CHILD_LISTS["reviewThreads"], thread.id, offset), ThreadPage)
            self._check(page.pull_request)
            return page.comments

        return Thread(thread.id, _joined(thread.comments, page_at))

    def _stored(self, entity: str, name: str, offset: int) -> bytes:
        record = self.context.find(entity, f"{self.owner}:{name}:{offset}")
        if record is None:
            raise IncompleteError
        return record.payload

    def _check(self, page: Owner) -> None:
        if page.state_read != self.told.state_read:
            raise IncompleteError


def _joined(first: Nodes[N] | None, page_at: Callable[[int], Nodes[N] | None]) -> Nodes[N]:
    """All children of a list that begins with the page ``first``; pages are found by how many come before them."""
    items, page = list[N | None](), first
    while page is not None:
        items += page.nodes
        if not (page.page_info and page.page_info.has_next_page):
            return Nodes(items)
        page = page_at(len(items))
    raise IncompleteError
