"""What is measured? Two works: a Jira site and a GitHub organisation, and how their completeness is proven."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
import requests

from tests.processes import Sandbox

# The sandbox's name for a kind → the query that gives the ids that are loaded.
Proof = Mapping[str, str]
_LIVING = "SELECT external_id FROM warehouse_{} WHERE deleted_at IS NULL"


@dataclass(frozen=True)
class Work:
    """One data set: its job, what it is called, how it is proven complete, and how people change it meanwhile."""

    name: str
    job: str
    title: str
    proof: Proof
    mutations: tuple[str, ...]


WORKS = {
    "A": Work(
        "A",
        "jira",
        "Jira",
        {
            "issues": _LIVING.format("issue"),
            "changelog_items": _LIVING.format("issuechange"),
            "comments": _LIVING.format("issuecomment"),
            "issue_links": _LIVING.format("issuelink"),
            "projects": "SELECT key FROM warehouse_project WHERE deleted_at IS NULL",
        },
        ("edit", "comment", "status"),
    ),
    "B": Work(
        "B",
        "github",
        "GitHub",
        {
            "pull_requests": _LIVING.format("pullrequest"),
            "pull_request_commits": _LIVING.format("pullrequestcommit"),
            "reviews": _LIVING.format("review"),
            "review_comments": _LIVING.format("pullrequestcomment") + " AND kind = 'review'",
            "issue_comments": _LIVING.format("pullrequestcomment") + " AND kind = 'issue'",
        },
        ("edit_pull", "comment_pull", "review_pull"),
    ),
}


class Incomplete(Exception):
    """Something is missing or too much: such a run has no time."""


def prove(sandbox: Sandbox, database: str, proof: Proof) -> int:
    """Compare the distinct ids of every kind with the source's; gives their number. Raises :class:`Incomplete`."""
    total = 0
    with psycopg.connect(database) as connection:
        for kind, query in proof.items():
            truth = {str(name) for name in requests.get(sandbox.url(f"_sandbox/truth/{kind}"), timeout=60).json()}
            loaded = {str(name) for (name,) in connection.execute(query)}
            if loaded != truth:
                raise Incomplete(f"{kind}: {len(truth - loaded)} are missing, {len(loaded - truth)} are too much.")
            total += len(loaded)
    return total
