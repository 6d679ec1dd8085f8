"""How do merged changes reach staging and production, and how often does that fail?"""

from random import Random

from apps.sandbox.data.authoring import Author
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import (
    SampleDeployment,
    SampleDeploymentState,
    SamplePull,
    SampleRelease,
    SampleRepository,
    SampleRun,
    node_id,
)

_MINUTE = 60_000
_PULLS_PER_RELEASE = 6
_FAILING_SHARE = 0.13


def deliver(repository: SampleRepository, author: Author, rng: Random) -> None:
    """Make workflow runs for every pull request, and a release with its deployments for every few merges."""
    for pull in repository.pulls:
        _check(repository, pull, author, rng)
    merged = sorted((p for p in repository.pulls if p.merged), key=lambda p: p.merged or 0)
    for place in range(0, len(merged), _PULLS_PER_RELEASE):
        _ship(repository, merged[place : place + _PULLS_PER_RELEASE], author, rng)
    repository.runs.sort(key=lambda r: (r.created, r.id))
    for number, run in enumerate(repository.runs, 1):
        run.number = number


def _check(repository: SampleRepository, pull: SamplePull, author: Author, rng: Random) -> None:
    actor = pull.author or author.staff.viewer
    conclusion = "failure" if rng.random() < 0.15 else "success"
    _run(repository, author, "CI", pull.title, pull.head_ref, pull.head_oid, "pull_request", conclusion, actor,
         pull.created + 5000, rng).pull = pull  # fmt: skip


def _run(
    repository: SampleRepository, author: Author, workflow: str, title: str, branch: str, oid: str, event: str,
    conclusion: str | None, actor: SamplePerson, at: int, rng: Random,
) -> SampleRun:  # fmt: skip
    number = author.next_id("run")
    took = (3 + int(rng.random() * 12)) * _MINUTE
    run = SampleRun(
        number, node_id("WFR", repository.id, number), workflow, 0, title, branch, oid, event, conclusion, actor,
        at, min(at + took, author.calendar.until), 2 if rng.random() < 0.05 else 1,
    )  # fmt: skip
    repository.runs.append(run)
    return run


def _ship(repository: SampleRepository, pulls: list[SamplePull], author: Author, rng: Random) -> None:
    """Release some merges: deploy to staging at once and to production an hour later, again after a failure."""
    last = pulls[-1]
    assert last.merged
    assert last.merge_oid
    at = last.merged + 20 * _MINUTE
    if at + 8 * 60 * _MINUTE > author.calendar.until:
        return
    index = len(repository.releases) + 1
    number = author.next_id("release")
    tag = f"v{1 + index // 40}.{index % 40}.0"
    person = last.merged_by or author.staff.viewer
    notes = "\n".join(f"* {p.title} (#{p.number})" for p in pulls)
    repository.releases.append(SampleRelease(
        number, node_id("RE", repository.id, number), tag, tag, f"## Changes\n{notes}",
        person, last.merge_oid, at - _MINUTE, at, index % 9 == 0,
    ))  # fmt: skip
    deploy(repository, author, tag, last.merge_oid, "staging", at + 2 * _MINUTE, rng, has_failed=rng.random() < 0.05)
    at += 60 * _MINUTE
    while rng.random() < _FAILING_SHARE and at + 180 * _MINUTE < author.calendar.until:
        deploy(repository, author, tag, last.merge_oid, "production", at, rng, has_failed=True)
        at += (30 + int(rng.random() * 120)) * _MINUTE
    deploy(repository, author, tag, last.merge_oid, "production", at, rng, has_failed=False)


def release_now(
    repository: SampleRepository, author: Author, tag: str, oid: str, at: int, rng: Random
) -> SampleRelease:  # fmt: skip
    """A release with its deployment and its workflow run, which end at the moment ``at``."""
    number = author.next_id("release")
    release = SampleRelease(
        number, node_id("RE", repository.id, number), tag, tag, "", author.staff.viewer, oid, at, at, False
    )
    repository.releases.append(release)
    deployment = deploy(repository, author, tag, oid, "production", at - 30 * _MINUTE, rng, has_failed=False)
    deployment.updated = deployment.states[-1].at = at
    run = repository.runs[-1]
    run.number, run.updated = len(repository.runs), at
    return release


def deploy(
    repository: SampleRepository,
    author: Author,
    ref: str,
    oid: str,
    environment: str,
    at: int,
    rng: Random,
    *,
    has_failed: bool,
) -> SampleDeployment:
    """One deployment with its statuses and its workflow run."""
    creator = author.staff.automation
    number = author.next_id("deployment")
    deployment = SampleDeployment(number, node_id("DE", repository.id, number), oid, ref, environment, creator, at, at)
    moment = at
    end = "failure" if has_failed else "success"
    for state in ("queued", "in_progress", end):
        code = author.next_id("state")
        words = "Health check failed, rolled back" if state == "failure" else ""
        deployment.states.append(SampleDeploymentState(code, node_id("DES", repository.id, code), state, moment, words))
        moment += (1 + int(rng.random() * 6)) * _MINUTE
    deployment.updated = deployment.states[-1].at
    repository.deployments.append(deployment)
    _run(repository, author, f"Deploy to {environment}", f"Deploy {ref}", ref, oid, "workflow_dispatch", end, creator,
         at - 5000, rng)  # fmt: skip
    return deployment
