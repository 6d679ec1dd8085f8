"""Which issues are as large as the largest of real sites? They have a long text, many comments or many histories."""

from apps.sandbox.chance import source
from apps.sandbox.data.corpus import Pen
from apps.sandbox.data.issues import RANK_FIELD, SampleIssue, plain
from apps.sandbox.data.site import SampleSite

COMMENTS = 500
HISTORIES = 2000
TEXT_CHARS = (100_000, 1_000_000)
LONG_COMMENT_CHARS = 100_000
LONG_CHANGES = 10  # histories of a long changelog that hold the whole description before and after
LONG_CHANGE_CHARS = 20_000


def enlarge(site: SampleSite, count: int, seed: int) -> None:
    """Make `count` issues large, evenly spread over the site. All other issues stay as they are."""
    issues = list(site.by_id.values())
    kinds = (_write_at_length, _discuss_at_length, _change_often)
    for position in range(count):
        issue = issues[position * len(issues) // count]
        kinds[position % len(kinds)](site, issue, Pen(source((seed << 40) + issue.id + 1)))
        issue.update()


def _write_at_length(site: SampleSite, issue: SampleIssue, pen: Pen) -> None:
    issue.appendix = _log(issue, pen, pen.rng.randint(*TEXT_CHARS))


def _discuss_at_length(site: SampleSite, issue: SampleIssue, pen: Pen) -> None:
    while len(issue.comments) < COMMENTS:
        site.simulator.comment(issue, pen.rng, list(site.staff.humans), _moment(site, issue, pen))
    issue.comments[-1].text = _log(issue, pen, LONG_COMMENT_CHARS)
    issue.comments.sort(key=lambda comment: comment.created)


def _change_often(site: SampleSite, issue: SampleIssue, pen: Pen) -> None:
    for _ in range(LONG_CHANGES):
        before, after = (_log(issue, pen, LONG_CHANGE_CHARS) for _ in range(2))
        issue.record(_moment(site, issue, pen), issue.creator, plain("description", None, before, None, after))
    while len(issue.histories) < HISTORIES:
        issue.record(
            _moment(site, issue, pen), issue.creator, ("Rank", "custom", RANK_FIELD, "", "", "", "Ranked higher")
        )


def _log(issue: SampleIssue, pen: Pen, chars: int) -> str:
    """A log of exactly `chars` characters."""
    lines: list[str] = []
    length = 0
    while length < chars:
        pen.renew()
        lines.append(f"{pen.rng.getrandbits(64):016x} {pen.write(issue.topic.log)}")
        length += len(lines[-1]) + 1
    return "\n".join(lines)[:chars]


def _moment(site: SampleSite, issue: SampleIssue, pen: Pen) -> int:
    return issue.created + int(pen.rng.random() * (site.calendar.until - 1 - issue.created))
