"""What does the sandbox really have? These exact numbers and ids are compared with an extraction."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from apps.sandbox.data.catalogue import BOARDS, ISSUE_TYPES, LIVE, SPRINT_LISTS, STATUSES, SampleProject
from apps.sandbox.data.pulls import SamplePull
from apps.sandbox.data.world import World
from apps.sandbox.encoding import Json


class Truth:
    """The counts of a world as it is now. Links are counted by the present keys of existing issues."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kinds: dict[str, Callable[[], Iterable[Any]]] = {
            "projects": lambda: [p.key for p in self._projects()],
            "issue_types": lambda: list(ISSUE_TYPES),
            "statuses": lambda: list(STATUSES),
            "users": lambda: [p.account_id for p in world.staff.everybody],
            "boards": lambda: list(BOARDS),
            "sprints": lambda: [s.id for p in LIVE for s in SPRINT_LISTS[p.key]],
            "issues": lambda: list(world.site.by_id),
            "changelog_histories": lambda: [h.id for i in self._issues() for h in i.histories],
            "changelog_items": lambda: [f"{h.id}:{n}" for i in self._issues() for h in i.histories
                                        for n in range(len(h.items))],
            "comments": lambda: [c.id for i in self._issues() for c in i.comments],
            "worklogs": lambda: [w.id for i in self._issues() for w in i.worklogs],
            "issue_links": lambda: {x.id for i in self._issues() for x in i.links},
            "repositories": lambda: [r.id for r in world.hub.everything],
            "pull_requests": lambda: [p.id for p in self._pulls()],
            "pull_request_commits": lambda: [f"{p.id}:{c.oid}" for p in self._pulls() for c in p.commits],
            "commits": lambda: {c.oid for p in self._pulls() for c in p.commits},
            "reviews": lambda: [r.id for p in self._pulls() for r in p.reviews],
            "review_comments": lambda: [n.id for p in self._pulls() for n in p.notes],
            "issue_comments": lambda: [c.id for p in self._pulls() for c in p.remarks],
            "github_issues": lambda: [t.id for r in world.hub.repositories for t in r.tickets],
            "releases": lambda: [x.id for r in world.hub.repositories for x in r.releases],
            "deployments": lambda: [x.id for r in world.hub.repositories for x in r.deployments],
            "workflow_runs": lambda: [x.id for r in world.hub.repositories for x in r.runs],
            "links": lambda: sorted(self._links()),
        }  # fmt: skip

    def _projects(self) -> Iterable[SampleProject]:
        return [p for p in self.world.site.projects if not p.archived]

    def _issues(self) -> Iterable[Any]:
        return self.world.site.by_id.values()

    def _pulls(self) -> Iterable[SamplePull]:
        return self.world.hub.by_id.values()

    def _links(self) -> set[tuple[str, str, str]]:
        site = self.world.site
        found: set[tuple[str, str, str]] = set()
        for pull in self._pulls():
            for key, evidence in pull.links:
                issue = site.find(key)
                if issue:
                    found.add((f"{pull.repository.full_name}#{pull.number}", issue.key, evidence))
        return found

    @property
    def kinds(self) -> list[str]:
        """The kinds that can be asked for."""
        return list(self._kinds)

    def ids(self, kind: str) -> list[Any]:
        """The ids of a kind; KeyError for an unknown kind."""
        return sorted(self._kinds[kind]())

    def counts(self) -> Json:
        """The numbers per kind, per project and per repository."""
        counts: Json = {kind: len(list(ids())) for kind, ids in self._kinds.items()}
        links = self._links()
        counts["links_by_evidence"] = dict(Counter(evidence for _, _, evidence in links))
        counts["linked_pairs"] = len({(pull, key) for pull, key, _ in links})
        counts["by_project"] = {p.key: {"issues": 0, "changelog_histories": 0, "comments": 0} for p in self._projects()}
        for issue in self._issues():
            row = counts["by_project"][issue.project.key]
            row["issues"] += 1
            row["changelog_histories"] += len(issue.histories)
            row["comments"] += len(issue.comments)
        counts["by_repository"] = {r.full_name: self._repository(r) for r in self.world.hub.everything}
        return counts

    def _repository(self, repository: Any) -> Json:
        pulls = repository.pulls
        return {
            "pull_requests": len(pulls), "pull_request_commits": sum(len(p.commits) for p in pulls),
            "reviews": sum(len(p.reviews) for p in pulls), "review_comments": sum(len(p.notes) for p in pulls),
            "issue_comments": sum(len(p.remarks) for p in pulls), "releases": len(repository.releases),
            "deployments": len(repository.deployments), "workflow_runs": len(repository.runs),
        }  # fmt: skip
