"""Does each pager, read to its end, give exactly the records of the truth?"""

import re
from typing import Any

from .conftest import Sandbox

PROJECTS = "project in (PAY, CHK, IDN, K8S, MOB, GROW, LAGER, PORTAL)"
KEY = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]+-[1-9][0-9]*")
CLOSING = re.compile(r"(?i)\b(?:fix(?:es|ed)?|close[sd]?|resolve[sd]?)\s+([A-Z][A-Z0-9]+-[1-9][0-9]*)")


def search(sandbox: Sandbox, size: int) -> list[str]:
    """Ids of all issues by search/jql."""
    ids: list[str] = []
    body: dict[str, Any] = {"jql": f"{PROJECTS} ORDER BY updated ASC", "maxResults": size}
    while True:
        page = sandbox.jira("/rest/api/3/search/jql", json=body).json()
        ids += [i["id"] for i in page["issues"]]
        if page["isLast"]:
            assert not page["nextPageToken"]
            return ids
        body["nextPageToken"] = page["nextPageToken"]


def test_search_gives_every_issue_once_whatever_the_page_size(sandbox: Sandbox) -> None:
    truth = sandbox.control("truth/issues")
    assert sorted(map(int, search(sandbox, 5000))) == truth
    assert sorted(map(int, search(sandbox, 37))) == truth
    count = sandbox.jira("/rest/api/3/search/approximate-count", json={"jql": PROJECTS}).json()
    assert count == {"count": len(truth)}


def test_changelog_bulkfetch_gives_every_history_though_pages_split_issues(sandbox: Sandbox) -> None:
    ids = search(sandbox, 5000)
    for size in (10_000, 33):
        body: dict[str, Any] = {"issueIdsOrKeys": ids, "maxResults": size}
        histories: list[int] = []
        while True:
            page = sandbox.jira("/rest/api/3/changelog/bulkfetch", json=body).json()
            found = [h for log in page["issueChangeLogs"] for h in log["changeHistories"]]
            assert len(found) <= size
            histories += [int(h["id"]) for h in found]
            if not page.get("nextPageToken"):
                break
            body["nextPageToken"] = page["nextPageToken"]
        assert sorted(histories) == sandbox.control("truth/changelog_histories")


def test_the_pages_of_one_long_changelog_are_complete_and_the_embedded_one_is_not(sandbox: Sandbox) -> None:
    ids = search(sandbox, 5000)
    bulk = [
        sandbox.jira("/rest/api/3/issue/bulkfetch", json={"issueIdsOrKeys": ids[n : n + 100], "expand": ["changelog"]})
        for n in range(0, len(ids), 100)
    ]
    issues = [i for page in bulk for i in page.json()["issues"]]
    longest = max(issues, key=lambda i: i["changelog"]["total"])
    assert longest["changelog"]["total"] == 250
    assert len(longest["changelog"]["histories"]) == 40
    stamps = [h["created"] for h in longest["changelog"]["histories"]]
    assert stamps == sorted(stamps, reverse=True)
    found: list[str] = []
    page = sandbox.jira(f"/rest/api/3/issue/{longest['key']}/changelog").json()
    while True:
        found += [h["id"] for h in page["values"]]
        if page["isLast"]:
            break
        page = sandbox.session.get(page["nextPage"], auth=("x", "sandbox-token"), timeout=30).json()
    assert len(found) == len(set(found)) == 250


def test_comments_are_complete_where_the_embedded_list_is_cut(sandbox: Sandbox) -> None:
    ids = search(sandbox, 5000)
    found: list[int] = []
    cut = 0
    for start in range(0, len(ids), 100):
        body = {"issueIdsOrKeys": ids[start : start + 100], "fields": ["comment"]}
        for issue in sandbox.jira("/rest/api/3/issue/bulkfetch", json=body).json()["issues"]:
            embedded = issue["fields"]["comment"]
            comments = embedded["comments"]
            if len(comments) < embedded["total"]:
                assert len(comments) == 20
                cut += 1
                comments = sandbox.jira(f"/rest/api/3/issue/{issue['id']}/comment", maxResults=5000).json()["comments"]
            found += [int(c["id"]) for c in comments]
    assert cut
    assert sorted(found) == sandbox.control("truth/comments")


def test_rest_lists_give_every_record_once(sandbox: Sandbox) -> None:
    kinds: dict[str, list[int]] = {}
    for name in sandbox.repositories():
        lists = {"pull_requests": ("pulls", {"state": "all"}), "review_comments": ("pulls/comments", {}),
                 "releases": ("releases", {}), "deployments": ("deployments", {})}  # fmt: skip
        for kind, (path, query) in lists.items():
            kinds.setdefault(kind, []).extend(r["id"] for r in sandbox.every(f"/repos/{name}/{path}", **query))
        pulls = sandbox.every(f"/repos/{name}/pulls", state="all")
        comments = sandbox.every(f"/repos/{name}/issues/comments")
        numbers = {str(p["number"]) for p in pulls}
        kinds.setdefault("issue_comments", []).extend(
            c["id"] for c in comments if c["issue_url"].rsplit("/", 1)[1] in numbers
        )
        for pull in pulls:
            reviews = sandbox.every(f"/repos/{name}/pulls/{pull['number']}/reviews")
            kinds.setdefault("reviews", []).extend(r["id"] for r in reviews)
    for kind, found in kinds.items():
        assert sorted(found) == sandbox.control(f"truth/{kind}"), kind


PULLS = """
query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(first: 20, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes { id databaseId number title body headRefName updatedAt
        commits(first: 100) { totalCount nodes { commit { oid message } } }
        reviews(first: 100) { totalCount nodes { fullDatabaseId } }
        comments(first: 100) { totalCount } } } } }
"""


def all_pulls(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    """All pull requests of a repository by GraphQL."""
    owner, _, short = name.partition("/")
    pulls: list[dict[str, Any]] = []
    after = None
    while True:
        page = sandbox.graphql(PULLS, owner=owner, name=short, after=after)["data"]["repository"]["pullRequests"]
        pulls += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return pulls


def test_graphql_and_rest_tell_the_same_story(sandbox: Sandbox) -> None:
    found: list[int] = []
    for name in sandbox.repositories():
        pulls = all_pulls(sandbox, name)
        assert [p["updatedAt"] for p in pulls] == sorted((p["updatedAt"] for p in pulls), reverse=True)
        found += [p["databaseId"] for p in pulls]
        for pull in pulls[:4]:
            detail = sandbox.github(f"/repos/{name}/pulls/{pull['number']}").json()
            reviews = sandbox.every(f"/repos/{name}/pulls/{pull['number']}/reviews")
            assert (detail["node_id"], detail["id"]) == (pull["id"], pull["databaseId"])
            assert detail["commits"] == pull["commits"]["totalCount"]
            assert detail["comments"] == pull["comments"]["totalCount"]
            assert [str(r["id"]) for r in reviews][:100] == [r["fullDatabaseId"] for r in pull["reviews"]["nodes"]]
    assert sorted(found) == sandbox.control("truth/pull_requests")


def test_the_true_links_are_exactly_those_that_the_texts_and_the_panel_show(sandbox: Sandbox) -> None:
    keys = set()
    for issue in (sandbox.jira("/rest/api/3/search/jql", json={"jql": PROJECTS, "fields": ["key"], "maxResults": 5000})
                  .json()["issues"]):  # fmt: skip
        keys.add(issue["key"])
    found: set[tuple[str, str, str]] = set()
    for name in sandbox.repositories():
        for pull in all_pulls(sandbox, name):
            closing = set(CLOSING.findall(pull["body"]))
            texts = {"branch": pull["headRefName"], "title": pull["title"]}
            hits = {(k, kind) for kind, text in texts.items() for k in KEY.findall(text)}
            hits |= {(k, "commit") for c in pull["commits"]["nodes"] for k in KEY.findall(c["commit"]["message"])}
            hits |= {(k, "closing") for k in closing}
            hits |= {(k, "body") for k in KEY.findall(pull["body"]) if k not in closing}
            found |= {(f"{name}#{pull['number']}", k, kind) for k, kind in hits if k in keys}
    truth = {(p, k, e) for p, k, e in sandbox.control("truth/links")}
    assert found == {link for link in truth if link[2] != "dev_panel"}
    for pull_name, key, _ in sorted(link for link in truth if link[2] == "dev_panel")[:10]:
        assert pull_name in panel(sandbox, key)


def panel(sandbox: Sandbox, key: str) -> list[str]:
    """The pull requests that the development panel shows, each once."""
    number = sandbox.jira(f"/rest/api/3/issue/{key}", fields="summary").json()["id"]
    summary = sandbox.jira("/rest/dev-status/latest/issue/summary", issueId=number).json()["summary"]["pullrequest"]
    urls = set()
    for app, counted in summary["byInstanceType"].items():
        detail = sandbox.jira("/rest/dev-status/latest/issue/detail", issueId=number, applicationType=app,
                              dataType="pullrequest").json()["detail"][0]  # fmt: skip
        assert len(detail["pullRequests"]) == counted["count"]
        urls |= {p["url"] for p in detail["pullRequests"]}
    return [u.removeprefix("https://github.com/").replace("/pull/", "#") for u in urls]
