"""Can tests control the running sandbox: count, slow down, change the world, and stop it?"""

import time
from pathlib import Path

from tests import processes

from .conftest import GITHUB_HEADERS, Sandbox

PROJECTS = "project in (PAY, CHK, IDN, K8S, MOB, GROW, LAGER)"


def test_requests_are_counted_by_route_template(fresh_sandbox: Sandbox) -> None:
    fresh_sandbox.control("reset-stats", json={})
    for key in ("PAY-1", "PAY-2"):
        fresh_sandbox.jira(f"/rest/api/3/issue/{key}")
    sent = fresh_sandbox.github("/user")
    stats = fresh_sandbox.control("stats")
    assert stats["requests"] == 3
    assert stats["by_route"] == {"GET /jira/rest/api/3/issue/{key}": 2, "GET /github/user": 1}
    assert stats["bytes"] > len(sent.content)


def test_latency_is_added_to_every_answer(fresh_sandbox: Sandbox) -> None:
    assert fresh_sandbox.control("latency", json={"ms": 200}) == {"ms": 200}
    begin = time.monotonic()
    fresh_sandbox.github("/user")
    assert time.monotonic() - begin >= 0.2
    assert "error" in fresh_sandbox.control("latency", json={"ms": -1})


def test_a_mutation_changes_what_it_says_and_moves_the_stamps_to_now(fresh_sandbox: Sandbox) -> None:
    before = fresh_sandbox.control("truth")
    known = {
        i["id"] for i in fresh_sandbox.jira("/rest/api/3/search/jql", jql=PROJECTS, maxResults=5000).json()["issues"]
    }
    begin = int(time.time() * 1000)
    result = fresh_sandbox.control("mutate", json={"seed": 4, "share": 0.2})
    done = result["done"]
    after = fresh_sandbox.control("truth")
    deleted = sum(1 + len(one["with"]) for one in done["delete"])
    assert after["issues"] == before["issues"] - deleted + len(done["create"])
    assert after["pull_requests"] == before["pull_requests"] + len(done["new_pull"])
    assert after["reviews"] >= before["reviews"] + len(done["review_pull"])
    changed = fresh_sandbox.jira(
        "/rest/api/3/search/jql",
        json={"jql": f"{PROJECTS} AND updated >= {begin}", "fields": ["key"], "maxResults": 5000},
    ).json()["issues"]
    touched = {*done["edit"], *done["comment"], *done["status"], *done["create"], *(m["to"] for m in done["move"])}
    assert touched <= {i["key"] for i in changed}
    assert {i["id"] for i in changed} - known
    for gone in done["delete"]:
        assert fresh_sandbox.jira(f"/rest/api/3/issue/{gone['key']}").status_code == 404
    for moved in done["move"]:
        reply = fresh_sandbox.jira(f"/rest/api/3/issue/{moved['from']}", fields="summary").json()
        assert (reply["key"], reply["id"]) == (moved["to"], str(moved["id"]))


def test_a_renamed_repository_redirects_and_a_force_push_loses_commits(fresh_sandbox: Sandbox) -> None:
    order = {"seed": 1, "share": 0.2, "kinds": ["rename_repository", "force_push"]}
    done = fresh_sandbox.control("mutate", json=order)["done"]
    renamed = done["rename_repository"][0]
    reply = fresh_sandbox.session.get(f"{fresh_sandbox.base}/github/repos/{renamed['from']}", headers=GITHUB_HEADERS,
                                      allow_redirects=False, timeout=10)  # fmt: skip
    assert reply.status_code == 301
    assert fresh_sandbox.github(f"/repos/{renamed['to']}").json()["id"] == renamed["id"]
    name, _, number = done["force_push"][0].partition("#")
    owner, _, short = name.partition("/")
    answer = fresh_sandbox.graphql(
        "query($o: String!, $n: String!, $p: Int!) { repository(owner: $o, name: $n) { pullRequest(number: $p) {"
        " headRefOid commits(last: 1) { nodes { commit { oid } } } } } }", o=owner, n=short, p=int(number),
    )  # fmt: skip
    pull = answer["data"]["repository"]["pullRequest"]
    assert pull["headRefOid"] == pull["commits"]["nodes"][0]["commit"]["oid"]


def test_an_order_that_makes_no_sense_is_refused(fresh_sandbox: Sandbox) -> None:
    assert "share" in fresh_sandbox.control("mutate", json={"share": 2})["error"]
    assert "paint" in fresh_sandbox.control("mutate", json={"kinds": ["paint"]})["error"]
    assert "Known are: projects" in fresh_sandbox.control("truth/apples")["error"]


def test_sigterm_ends_the_command_cleanly(tmp_path: Path) -> None:
    with processes.Sandbox(tmp_path, issues=20, prs=20) as server:
        assert server.child
        server.child.terminate()
        assert server.child.wait(20) == 0
    assert server.log.read_text().startswith(f"Jira {server.url('jira')}  GitHub {server.url('github')}  token ")


def test_a_project_with_a_new_key_is_found_by_all_of_its_keys(fresh_sandbox: Sandbox) -> None:
    order = {"seed": 1, "share": 0, "kinds": ["rename_project"]}
    done = [fresh_sandbox.control("mutate", json=order)["done"]["rename_project"][0] for _ in range(2)]
    for renamed in done:
        before, after = (
            fresh_sandbox.jira("/rest/api/3/project/search", keys=renamed[name], expand="projectKeys").json()["values"]
            for name in ("from", "to")
        )
        assert before == after
        assert before[0]["id"] == renamed["id"]
        assert {renamed["from"], renamed["to"]} <= set(before[0]["projectKeys"])
        found = [
            fresh_sandbox.jira("/rest/api/3/search/jql", jql=f"project = {renamed[name]}", fields="key").json()[
                "issues"
            ]
            for name in ("from", "to")
        ]
        assert found[0] == found[1] != []
        assert {issue["key"].partition("-")[0] for issue in found[0]} == {before[0]["key"]}
        number = found[0][0]["key"].partition("-")[2]
        reply = fresh_sandbox.jira(f"/rest/api/3/issue/{renamed['from']}-{number}", fields="summary").json()
        assert reply["id"] == found[0][0]["id"]
