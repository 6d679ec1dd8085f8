"""Does the sample data depend only on its seed, with realistic numbers and difficult texts?"""

from itertools import pairwise

from apps.sandbox.config import Options
from apps.sandbox.data.world import World
from apps.sandbox.encoding import encode
from apps.sandbox.github.pull_shapes import PullShapes
from apps.sandbox.github.shapes import GitHubShapes
from apps.sandbox.jira.records import Records, Selection
from apps.sandbox.jira.shapes import JiraShapes
from apps.sandbox.truth import Truth

ALL = Selection(frozenset(), with_everything=True, with_changelog=True)


def everything(seed: int) -> tuple[bytes, bytes, dict[str, object]]:
    """All issues, all pull requests and the truth of a seed."""
    world = World(Options(seed=seed, issues=200, prs=40))
    records = Records(world, JiraShapes(world, "http://sandbox/jira"))
    pulls = PullShapes(GitHubShapes("http://sandbox/github"), world.staff.viewer)
    issues = b"".join(records.issue(i, ALL) for i in world.site.by_id.values())
    return issues, encode([pulls.detail(p) for p in world.hub.by_id.values()]), Truth(world).counts()


def test_equal_seeds_give_equal_bytes() -> None:
    assert everything(5) == everything(5)


def test_another_seed_gives_other_data() -> None:
    assert everything(5)[0] != everything(6)[0]
    assert everything(5)[1] != everything(6)[1]


def test_the_averages_are_those_of_a_real_site() -> None:
    world = World(Options(issues=3000, prs=400))
    counts = Truth(world).counts()
    assert 5.5 < counts["changelog_histories"] / counts["issues"] < 7
    assert 2.4 < counts["pull_request_commits"] / counts["pull_requests"] < 4.5
    assert 1.5 < counts["reviews"] / counts["pull_requests"] < 3
    assert counts["commits"] < counts["pull_request_commits"]
    assert max(len(i.histories) for i in world.site.by_id.values()) == 250
    assert max(len(p.commits) for p in world.hub.by_id.values()) >= 260


def test_nothing_happens_before_its_issue_or_after_the_end_of_the_history() -> None:
    world = World(Options(issues=600, prs=80))
    for issue in world.site.by_id.values():
        moments = [h.at for h in issue.histories] + [c.created for c in issue.comments]
        assert all(issue.created <= at <= world.calendar.until for at in moments)
        assert issue.updated == max([issue.created, *moments, *(c.updated for c in issue.comments)])
    for pull in world.hub.by_id.values():
        assert pull.created <= pull.updated <= world.calendar.until
        assert not pull.merged or (pull.closed is not None and pull.merged <= pull.closed <= pull.merged + 3000)


def test_changelogs_lead_to_the_present_status() -> None:
    world = World(Options(issues=600, prs=20))
    for issue in world.site.by_id.values():
        steps = [item for h in issue.histories for item in h.items if item[0] == "status"]
        assert all(a[5] == b[3] for a, b in pairwise(steps))
        assert (steps[-1][5] if steps else issue.project.stages[0].id) == issue.status.id


def test_nasty_characters_are_in_issues_and_pull_requests() -> None:
    issues, pulls, _ = everything(5)
    for answer in (issues, pulls):
        assert b"\\u0000" in answer
        assert b"\\ud83d " in answer
        assert "🚀".encode() in answer
        assert "\u202e".encode() in answer


def test_large_issues_leave_all_others_as_they_are() -> None:
    small, large = (World(Options(issues=200, prs=20, large_issues=n)) for n in (0, 6))
    records = [Records(world, JiraShapes(world, "http://sandbox/jira")) for world in (small, large)]
    sizes = [
        {i.id: of.issue(i, ALL) for i in world.site.by_id.values()}
        for of, world in zip(records, (small, large), strict=True)
    ]
    changed = [large.site.by_id[number] for number in sizes[0] if sizes[0][number] != sizes[1][number]]
    assert [bool(i.appendix) for i in changed].count(True) == 2
    assert [len(i.comments) >= 500 for i in changed].count(True) == 2
    assert [len(i.histories) >= 2000 for i in changed].count(True) == 2
    assert all(100_000 <= len(i.appendix) <= 1_000_000 for i in changed if i.appendix)
    assert len(changed) == 6
    histories = [h.id for i in large.site.by_id.values() for h in i.histories]
    assert len(histories) == len(set(histories))
