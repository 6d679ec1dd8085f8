"""Which JSON does GitHub's REST API give for pull requests, files, releases and deployments?"""

from apps.sandbox.clock import github_stamp, maybe_stamp
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import (
    SampleCommit,
    SampleDeployment,
    SampleDeploymentState,
    SamplePull,
    SampleRelease,
    SampleRepository,
    SampleRun,
    node_id,
)
from apps.sandbox.encoding import Json
from apps.sandbox.github.shapes import GitHubShapes
from apps.sandbox.github.views import WEB, LabelView, MilestoneView, Ref, pull_url

MAX_FILES = 3000


class PullShapes:
    """REST JSON of pull requests and deliveries."""

    def __init__(self, shapes: GitHubShapes, viewer: SamplePerson) -> None:
        self.shapes = shapes
        self.viewer = viewer

    def pull(self, pull: SamplePull) -> Json:
        """A pull request in a list."""
        shapes = self.shapes
        url, page = f"{shapes.repo_url(pull.repository)}/pulls/{pull.number}", pull_url(pull)
        issue = f"{shapes.repo_url(pull.repository)}/issues/{pull.number}"
        links = {"self": url, "html": page, "issue": issue, "comments": f"{issue}/comments",
                 "review_comments": f"{url}/comments", "review_comment": f"{url}/comments{{/number}}",
                 "commits": f"{url}/commits",
                 "statuses": f"{shapes.repo_url(pull.repository)}/statuses/{pull.head_oid}"}  # fmt: skip
        assignees = [shapes.user_raw(p) for p in pull.assignees]
        return {
            "url": url, "id": pull.id, "node_id": pull.node_id, "html_url": page, "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch", "issue_url": issue, "number": pull.number,
            "state": "closed" if pull.closed else "open", "locked": False, "title": pull.title,
            "user": shapes.user_raw(pull.author), "body": pull.body, "created_at": github_stamp(pull.created),
            "updated_at": github_stamp(pull.updated), "closed_at": maybe_stamp(pull.closed),
            "merged_at": maybe_stamp(pull.merged), "merge_commit_sha": pull.merge_oid,
            "assignee": assignees[0] if assignees else None, "assignees": assignees,
            "requested_reviewers": [shapes.user_raw(p) for p in pull.requested], "requested_teams": [],
            "labels": [shapes.label(LabelView(pull.repository, name)) for name in pull.labels],
            "milestone": shapes.milestone(MilestoneView(pull.repository, 1), self.viewer) if pull.milestone else None,
            "draft": pull.draft, "commits_url": links["commits"], "review_comments_url": links["review_comments"],
            "review_comment_url": links["review_comment"], "comments_url": links["comments"],
            "statuses_url": links["statuses"], "head": self._head(pull), "base": self._end(pull, "main", pull.base_oid),
            "_links": {name: {"href": address} for name, address in links.items()}, "author_association": "MEMBER",
            "auto_merge": None, "active_lock_reason": None,
        }  # fmt: skip

    def _end(self, pull: SamplePull, ref: str, oid: str) -> Json:
        owner = self.shapes.owner(pull.repository, self.viewer)
        return {"label": f"{pull.repository.owner}:{ref}", "ref": ref, "sha": oid, "user": owner,
                "repo": self.shapes.repository_raw(pull.repository, self.viewer)}  # fmt: skip

    def _head(self, pull: SamplePull) -> Json:
        end = self._end(pull, pull.head_ref, pull.head_oid)
        if not pull.is_cross_repository:
            return end
        # GitHub answers null for a deleted fork, and for one that the token may not see.
        label = f"{pull.head_owner}:{pull.head_ref}" if pull.head_owner else f"unknown repository:{pull.head_ref}"
        return end | {"label": label, "repo": None, "user": self.shapes.user(pull.author) if pull.head_owner else None}

    def detail(self, pull: SamplePull) -> Json:
        """A single pull request; it has more fields than in a list."""
        return self.pull(pull) | {
            "merged": pull.merged is not None, "mergeable": None if pull.closed else True,
            "rebaseable": None if pull.closed else True, "mergeable_state": "unknown" if pull.closed else "clean",
            "merged_by": self.shapes.user_raw(pull.merged_by), "comments": len(pull.remarks),
            "review_comments": sum(len(t.notes) for t in pull.threads), "maintainer_can_modify": False,
            "commits": len(pull.commits), "additions": pull.additions, "deletions": pull.deletions,
            "changed_files": pull.files,
        }  # fmt: skip

    def files(self, pull: SamplePull) -> list[Json]:
        """The changed files; the changed lines are distributed over them."""
        count = min(pull.files, MAX_FILES)
        names = [pull.paths[n % len(pull.paths)] if n < len(pull.paths) else f"{pull.paths[n % len(pull.paths)]}.{n}"
                 for n in range(count)]  # fmt: skip
        return [
            self._file(pull, pull.commits[-1], name, pull.additions // count, pull.deletions // count) for name in names
        ]

    def _file(self, pull: SamplePull, commit: SampleCommit, name: str, added: int, removed: int) -> Json:
        page, url = f"{WEB}/{commit.repository.full_name}", self.shapes.repo_url(pull.repository)
        return {"sha": commit.oid[::-1], "filename": name, "status": "modified", "additions": added,
                "deletions": removed, "changes": added + removed, "blob_url": f"{page}/blob/{commit.oid}/{name}",
                "raw_url": f"{page}/raw/{commit.oid}/{name}", "contents_url": f"{url}/contents/{name}?ref={commit.oid}",
                "patch": "@@ -1,3 +1,4 @@\n context\n+added"}  # fmt: skip

    def commit_detail(self, commit: SampleCommit) -> Json:
        """A commit with its statistics."""
        stats = {"total": commit.additions + commit.deletions, "additions": commit.additions,
                 "deletions": commit.deletions}  # fmt: skip
        return self.shapes.commit(commit) | {"stats": stats, "files": []}

    def release(self, repository: SampleRepository, release: SampleRelease) -> Json:
        """A release."""
        url, page = f"{self.shapes.repo_url(repository)}/releases/{release.id}", f"{WEB}/{repository.full_name}"
        return {
            "url": url,
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "html_url": f"{page}/releases/tag/{release.tag}",
            "id": release.id,
            "author": self.shapes.user_raw(release.author),
            "node_id": release.node_id,
            "tag_name": release.tag,
            "target_commitish": "main",
            "name": release.name,
            "draft": False,
            "prerelease": release.prerelease,
            "created_at": github_stamp(release.created),
            "published_at": github_stamp(release.published),
            "assets": [],
            "tarball_url": f"{self.shapes.repo_url(repository)}/tarball/{release.tag}",
            "zipball_url": f"{self.shapes.repo_url(repository)}/zipball/{release.tag}",
            "body": release.body,
        }

    def deployment(self, repository: SampleRepository, deployment: SampleDeployment) -> Json:
        """A deployment."""
        url = f"{self.shapes.repo_url(repository)}/deployments/{deployment.id}"
        return {"url": url, "id": deployment.id, "node_id": deployment.node_id, "task": "deploy",
                "original_environment": deployment.environment, "environment": deployment.environment,
                "description": None, "created_at": github_stamp(deployment.created),
                "updated_at": github_stamp(deployment.updated), "statuses_url": f"{url}/statuses",
                "repository_url": self.shapes.repo_url(repository), "creator": self.shapes.user_raw(deployment.creator),
                "sha": deployment.oid, "ref": deployment.ref, "payload": {}, "transient_environment": False,
                "production_environment": deployment.environment == "production",
                "performed_via_github_app": None}  # fmt: skip

    def deployment_status(
        self, repository: SampleRepository, deployment: SampleDeployment, state: SampleDeploymentState
    ) -> Json:
        """A status of a deployment."""
        own = f"{self.shapes.repo_url(repository)}/deployments/{deployment.id}"
        return {"url": f"{own}/statuses/{state.id}", "id": state.id, "node_id": state.node_id, "state": state.state,
                "creator": self.shapes.user_raw(deployment.creator), "description": state.description,
                "environment": deployment.environment, "target_url": "", "environment_url": "", "log_url": "",
                "created_at": github_stamp(state.at), "updated_at": github_stamp(state.at), "deployment_url": own,
                "repository_url": self.shapes.repo_url(repository), "performed_via_github_app": None}  # fmt: skip

    def environment(self, repository: SampleRepository, name: str) -> Json:
        """An environment."""
        created = github_stamp(repository.created)
        number = 3_000_000 + len(name) + repository.id
        return {"id": number, "node_id": node_id("EN", repository.id, number), "name": name,
                "url": f"{self.shapes.repo_url(repository)}/environments/{name}",
                "html_url": f"{WEB}/{repository.full_name}/deployments/activity_log?environments_filter={name}",
                "created_at": created, "updated_at": created, "protection_rules": [],
                "deployment_branch_policy": None}  # fmt: skip

    def run(self, repository: SampleRepository, run: SampleRun) -> Json:
        """A workflow run."""
        url, page = f"{self.shapes.repo_url(repository)}/actions/runs/{run.id}", f"{WEB}/{repository.full_name}"
        workflow = 50_000_000 + len(run.workflow)
        whole = self.shapes.repository_raw(repository, self.viewer)
        who = {"name": run.actor.name, "email": run.actor.email}
        return {
            "id": run.id,
            "name": run.workflow,
            "node_id": run.node_id,
            "check_suite_id": run.id * 3,
            "check_suite_node_id": node_id("CS", repository.id, run.id * 3),
            "head_branch": run.branch,
            "head_sha": run.oid,
            "path": f".github/workflows/{run.workflow.split()[0].lower()}.yml",
            "display_title": run.title,
            "run_number": run.number,
            "event": run.event,
            "status": "completed",
            "conclusion": run.conclusion,
            "workflow_id": workflow,
            "url": url,
            "html_url": f"{page}/actions/runs/{run.id}",
            "workflow_url": f"{self.shapes.repo_url(repository)}/actions/workflows/{workflow}",
            "pull_requests": [],
            "created_at": github_stamp(run.created),
            "updated_at": github_stamp(run.updated),
            "actor": self.shapes.user_raw(run.actor),
            "triggering_actor": self.shapes.user_raw(run.actor),
            "run_attempt": run.attempt,
            "run_started_at": github_stamp(run.created),
            "referenced_workflows": [],
            **{f"{n}_url": f"{url}/{n}" for n in ("jobs", "logs", "artifacts", "cancel", "rerun")},
            "check_suite_url": f"{self.shapes.repo_url(repository)}/check-suites/{run.id * 3}",
            "previous_attempt_url": f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None,
            "head_commit": {
                "id": run.oid,
                "tree_id": run.oid[::-1],
                "message": run.title,
                "timestamp": github_stamp(run.created),
                "author": who,
                "committer": who,
            },
            "repository": whole,
            "head_repository": whole,
        }

    def ref(self, ref: Ref) -> Json:
        """A branch or tag."""
        url = self.shapes.repo_url(ref.repository)
        shape: Json = {"name": ref.name, "commit": {"sha": ref.oid, "url": f"{url}/commits/{ref.oid}"}}
        if ref.prefix == "refs/heads/":
            return shape | {"protected": ref.name == "main"}
        return shape | {
            "zipball_url": f"{url}/zipball/refs/tags/{ref.name}",
            "node_id": f"REF_{ref.repository.id:x}_{ref.name}",
            "tarball_url": f"{url}/tarball/refs/tags/{ref.name}",
        }
