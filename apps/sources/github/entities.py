"""Which kinds of records does GitHub give? One row per kind: its list, its children, the proof of its deletion."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from apps.sources.github.client import repository_path

MAX_LISTED_COMMITS = 250  # over REST GitHub lists no more commits of one pull request
# A workflow run or a deployment does not move in its list while it runs, is repeated or waits for an approval. GitHub
# permits to repeat a run within 30 days, and a release may be published long after its commit.
LAG = timedelta(days=30)
_NEWEST_CHANGE_FIRST = {"sort": "updated", "direction": "desc"}


class Entity(NamedTuple):
    """One kind of raw record.

    ``path`` is its list over REST, below the repository's path; ``parameters`` select and sort that list (without them
    GitHub sorts by creation). For the time ``lag`` a record can change without moving in its list. ``children`` are the
    kinds of records that are deleted with it. ``proof`` is the path that answers 404 or 410 when a record is gone; ""
    if nothing proves it. ``child_list`` names the list of a pull request; each record is a page of that list, and
    ``total`` is the announced number of its items.
    """

    path: str = ""
    parameters: Mapping[str, str] = {}
    lag: timedelta = timedelta()
    children: tuple[str, ...] = ()
    proof: str = ""
    child_list: str = ""
    total: str = ""


PULL_REQUEST_CHILDREN = (
    "pull_request_commits",
    "pull_request_reviews",
    "pull_request_comments",
    "pull_request_review_comments",
)

ENTITIES: Mapping[str, Entity] = {
    "repository": Entity(
        children=("former_name", "release", "deployment", "workflow_run", "pull_request", *PULL_REQUEST_CHILDREN),
        proof="/repositories/{id}",
    ),
    "former_name": Entity(),  # what a name leads to that a repository had before
    "release": Entity("releases", lag=LAG, proof="releases/{id}"),
    "deployment": Entity("deployments", lag=LAG, proof="deployments/{id}"),
    "workflow_run": Entity("actions/runs", lag=LAG),  # GitHub drops old runs itself; this is no deletion
    "pull_request": Entity(
        "pulls", {"state": "all", **_NEWEST_CHANGE_FIRST}, children=PULL_REQUEST_CHILDREN, proof="pulls/{id}"
    ),
    "pull_request_commits": Entity(child_list="commits", total="commit"),
    "pull_request_reviews": Entity(child_list="reviews", total="review"),
    "pull_request_comments": Entity(
        "issues/comments", _NEWEST_CHANGE_FIRST, proof="issues/comments/{id}",
        child_list="comments", total="issue_comment",
    ),
    "pull_request_review_comments": Entity(
        "pulls/comments", _NEWEST_CHANGE_FIRST, proof="pulls/comments/{id}",
        child_list="reviewThreads", total="review_comment",
    ),
}  # fmt: skip

# The kind of the comments of each list.
COMMENT_KINDS = {"pull_request_comments": "issue", "pull_request_review_comments": "review"}
# The entity that each list of a pull request is stored as.
CHILD_LISTS = {ENTITIES[name].child_list: name for name in PULL_REQUEST_CHILDREN}


def list_path(full_name: str, entity: str) -> str:
    """The list of one kind of records of a repository over REST."""
    return f"{repository_path(full_name)}/{ENTITIES[entity].path}"


def comment_id(external_id: str) -> str:
    """The id of a comment that came over REST (``pull request:comment``), "" for a page of GraphQL."""
    _, *rest = external_id.split(":")
    return rest[0] if len(rest) == 1 else ""
