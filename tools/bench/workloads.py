"""What is measured? Two workloads, a Jira site and a GitHub organisation, each with a proof of completeness."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
import requests

from tests.processes import Sandbox

# The sandbox's name for a kind → the query that gives the ids that are loaded.
Proof = Mapping[str, str]
_LIVING = "SELECT external_id FROM warehouse_{} WHERE deleted_at IS NULL"


@dataclass(frozen=True)
class Workload:
    """One data set: its job, its title, how it is proven complete, and how people change it."""

    name: str
    job: str
    title: str
    proof: Proof
    mutations: tuple[str, ...]


WORKLOADS = {
    "A": Workload(
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
    "B": Workload(
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


class IncompleteRunError(Exception):
    """The run did not end well, or its records are not those of the source; its time does not count."""


def prove(sandbox: Sandbox, database: str, proof: Proof) -> int:
    """Compare the ids of every kind with the source's and return their number. Raises :class:`IncompleteRunError`."""
    total = 0
    with psycopg.connect(database) as connection:
        for kind, query in proof.items():
            truth = {str(name) for name in requests.get(sandbox.url(f"_sandbox/truth/{kind}"), timeout=60).json()}
            loaded = {str(name) for (name,) in connection.execute(query)}
            if loaded != truth:
                raise IncompleteRunError(
                    f"{kind}: {len(truth - loaded)} are missing, {len(loaded - truth)} are too much."
                )
            total += len(loaded)
    return total
