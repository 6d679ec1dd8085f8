"""Is everything of a large pull request stored now? Then its lists are put together from the records of their pages.

A long list is stored page by page, and no single page can prove that a child is gone. The transform of the last page
checks that all other pages are stored, and that all pages show the same state of the pull request.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from apps.sources.base import Context, SourceRecord
from apps.sources.github.entities import CHILD_LISTS
from apps.sources.github.kept import whole
from apps.sources.github.transform.shapes import (
    ChildPageNode,
    CommentNode,
    Nodes,
    PullRequestNode,
    PullRequestStateNode,
    ThreadNode,
    ThreadPageNode,
)
from apps.sources.reading import read_json

N = TypeVar("N")


class IncompleteError(Exception):
    """A page is not stored, or was read in another state of the pull request."""


def assembled(record: SourceRecord, context: Context) -> PullRequestNode | None:
    """The pull request of ``record`` with all of its lists complete, ``None`` while something is missing."""
    node = read_json(whole(record.payload), PullRequestNode)
    pages = _StoredPages(record.external_id, node, context)
    try:
        threads = pages.complete(node.review_threads, "reviewThreads", lambda page: page.review_threads)
        return msgspec.structs.replace(
            node,
            commits=pages.complete(node.commits, "commits", lambda page: page.commits),
            reviews=pages.complete(node.reviews, "reviews", lambda page: page.reviews),
            comments=pages.complete(node.comments, "comments", lambda page: page.comments),
            review_threads=msgspec.structs.replace(
                threads, nodes=[thread and pages.complete_thread(thread) for thread in threads.nodes]
            ),
        )
    except IncompleteError:
        return None


class _StoredPages:
    """The stored pages of one pull request."""

    def __init__(self, owner: str, node: PullRequestNode, context: Context) -> None:
        self.owner, self.node, self.context = owner, node, context

    def complete(
        self, first: Nodes[N] | None, name: str, list_of: Callable[[ChildPageNode], Nodes[N] | None]
    ) -> Nodes[N]:
        """A list of the pull request with the children of all of its pages."""

        def page_at(offset: int) -> Nodes[N] | None:
            page = read_json(self._stored(CHILD_LISTS[name], name, offset), ChildPageNode)
            self._check(page)
            return list_of(page)

        return _joined(first, page_at)

    def complete_thread(self, thread: ThreadNode) -> ThreadNode:
        """A review thread with all of its comments."""

        def page_at(offset: int) -> Nodes[CommentNode] | None:
            page = read_json(self._stored(CHILD_LISTS["reviewThreads"], thread.id, offset), ThreadPageNode)
            self._check(page.pull_request)
            return page.comments

        return ThreadNode(thread.id, _joined(thread.comments, page_at))

    def _stored(self, entity: str, name: str, offset: int) -> bytes:
        record = self.context.find(entity, f"{self.owner}:{name}:{offset}")
        if record is None:
            raise IncompleteError
        return whole(record.payload)

    def _check(self, page: PullRequestStateNode) -> None:
        if page.state_read != self.node.state_read:
            raise IncompleteError


def _joined(first: Nodes[N] | None, page_at: Callable[[int], Nodes[N] | None]) -> Nodes[N]:
    """All children of a list that begins with the page ``first``. A page is found by the number of earlier children.

    The last page has the newest total, unless the list does not have as many children.
    """
    items, page = list[N | None](), first
    while page is not None:
        items += page.nodes
        if not (page.page_info and page.page_info.has_next_page):
            total = first.total_count if first and page.is_doubtful else page.total_count
            return Nodes(items, total_count=total, is_doubtful=page.is_doubtful)
        page = page_at(len(items))
    raise IncompleteError
