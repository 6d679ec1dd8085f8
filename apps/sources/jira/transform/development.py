"""What does the development panel of an issue mean as rows? A link to each pull request it shows."""

from apps.sources.base import Children, Context, RawRecord, Transformed
from apps.sources.jira.client import Shape
from apps.sources.rows import PullRequestIssueLink
from apps.sources.text import clean, read_json

EVIDENCE = "dev_panel"


class _PullRequest(Shape):
    url: str | None = None
    name: str | None = None


class _Instance(Shape, rename="camel"):
    pull_requests: list[_PullRequest] | None = None


class _Detail(Shape):
    detail: list[_Instance] | None = None


class _Panel(Shape):
    details: list[_Detail] = []


def panel(record: RawRecord, context: Context) -> Transformed:
    """One link per URL: two applications may report the same pull request."""
    issue = record.external_id
    found: dict[str, str] = {}
    for detail in read_json(record.payload, _Panel).details:
        for instance in detail.detail or []:
            for pull in instance.pull_requests or []:
                found.setdefault(clean(pull.url).rstrip("/"), clean(pull.name))
    rows = [
        PullRequestIssueLink(
            external_id=f"{url}|{issue}|{EVIDENCE}",
            pull_request_url=url,
            issue=issue,
            evidence=EVIDENCE,
            excerpt=name,
        )
        for url, name in found.items()
        if url
    ]
    return Transformed(list(rows), complete=[Children(PullRequestIssueLink, "issue", issue)])
