"""Which rows does the development panel of an issue become? A link to each pull request that it shows."""

from apps.sources.base import Children, Context, SourceRecord, Transformed
from apps.sources.jira.client import Payload
from apps.sources.reading import Address, read_json
from apps.sources.rows import PullRequestIssueLink
from apps.sources.text import clean

EVIDENCE = "dev_panel"


class PanelPullRequestPayload(Payload):
    """A pull request in the panel."""

    url: Address | None = None
    name: str | None = None


class PanelInstancePayload(Payload, rename="camel"):
    """The pull requests of one server of an application."""

    pull_requests: list[PanelPullRequestPayload | None] | None = None


class PanelDetailPayload(Payload):
    """The answer for one application."""

    detail: list[PanelInstancePayload | None] | None = None


class PanelPayload(Payload):
    """A development panel as it is stored, without its counts."""

    details: list[PanelDetailPayload | None] | None = None


def panel(record: SourceRecord, context: Context) -> Transformed:
    """One link per URL, because two applications may report the same pull request."""
    issue = record.external_id
    pulls = pull_requests_in(read_json(record.payload, PanelPayload))
    found: dict[str, str] = {}
    for pull in filter(None, pulls):
        url = clean(pull.url).rstrip("/")
        found[url] = found.get(url) or clean(pull.name)
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
    is_whole = all(pull and pull.url for pull in pulls)
    return Transformed(list(rows), complete=[Children(PullRequestIssueLink, "issue", issue)] if is_whole else [])


def pull_requests_in(found: PanelPayload) -> list[PanelPullRequestPayload | None]:
    """The pull requests of a panel, with ``None`` for each part of it that could not be read."""
    instances: list[PanelInstancePayload | None] = []
    for detail in [None] if found.details is None else found.details:
        instances += [None] if detail is None or detail.detail is None else detail.detail
    pulls: list[PanelPullRequestPayload | None] = []
    for instance in instances:
        pulls += [None] if instance is None or instance.pull_requests is None else instance.pull_requests
    return pulls
