"""Which rows does the development panel of an issue become? A link to each pull request that it shows."""

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.client import Payload
from apps.sources.rows import PullRequestIssueLink
from apps.sources.text import clean, read_json

EVIDENCE = "dev_panel"


class PanelPullRequestPayload(Payload):
    """A pull request in the panel."""

    url: str | None = None
    name: str | None = None


class PanelInstancePayload(Payload, rename="camel"):
    """The pull requests of one server of an application."""

    pull_requests: list[PanelPullRequestPayload] | None = None


class PanelDetailPayload(Payload):
    """The answer for one application."""

    detail: list[PanelInstancePayload] | None = None


class PanelPayload(Payload):
    """A development panel as it is stored, without its counts."""

    details: list[PanelDetailPayload] = []


def panel(record: SourceRecord, context: Context) -> Transformed:
    """One link per URL, because two applications may report the same pull request."""
    issue = record.external_id
    found: dict[str, str] = {}
    for detail in read_json(record.payload, PanelPayload).details:
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
