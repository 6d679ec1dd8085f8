"""Which JSON does GitHub's REST API give for people, repositories, commits, reviews and comments?"""

from functools import cache
from typing import Any

import msgspec

from apps.sandbox.clock import github_stamp, maybe_stamp
from apps.sandbox.data.catalogue import ORGANISATION
from apps.sandbox.data.people import SamplePerson
from apps.sandbox.data.pulls import (
    SampleCommit,
    SampleNote,
    SamplePull,
    SampleRemark,
    SampleRepository,
    SampleReview,
    SampleTicket,
    node_id,
)
from apps.sandbox.encoding import Json, raw
from apps.sandbox.github.views import (
    WEB,
    LabelView,
    MilestoneView,
    OwnerView,
    avatar,
    commit_url,
    diff_hunk,
    label_node_id,
    page_url,
    pull_url,
)

_USER_LINKS = ("followers", "subscriptions", "orgs", "repos", "received_events")
_REPOSITORY_LINKS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents",
    "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "hooks",
    "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "notifications",
    "pulls", "releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees",
)  # fmt: skip
_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


class GitHubShapes:
    """GitHub's REST JSON; `api` is the address of its root."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.user_raw = cache(lambda person: raw(self.user(person)))
        self._repositories: dict[int, msgspec.Raw] = {}

    def forget(self, repository: SampleRepository) -> None:
        """Delete the stored JSON of a changed repository."""
        self._repositories.pop(repository.id, None)

    def repo_url(self, repository: SampleRepository) -> str:
        """The address of a repository."""
        return f"{self.api}/repos/{repository.full_name}"

    def account(self, login: str, number: int, node: str, kind: str) -> Json:
        """A user, robot or organisation."""
        shown = f"{login}[bot]" if kind == "Bot" else login
        url = f"{self.api}/users/{shown}"
        names = {"followers": "followers_url", "subscriptions": "subscriptions_url", "orgs": "organizations_url",
                 "repos": "repos_url", "received_events": "received_events_url"}  # fmt: skip
        return {
            "login": shown, "id": number, "node_id": node, "avatar_url": avatar(number), "gravatar_id": "", "url": url,
            "html_url": f"{WEB}/{login}", **{names[name]: f"{url}/{name}" for name in _USER_LINKS},
            "following_url": f"{url}/following{{/other_user}}", "gists_url": f"{url}/gists{{/gist_id}}",
            "starred_url": f"{url}/starred{{/owner}}{{/repo}}", "events_url": f"{url}/events{{/privacy}}",
            "type": kind, "user_view_type": "public", "site_admin": False,
        }  # fmt: skip

    def user(self, person: SamplePerson | None) -> Json | None:
        """A person; None for a deleted account."""
        if person is None or person.login is None:
            return None
        return self.account(person.login, person.github_id, person.node_id, "Bot" if person.is_bot else "User")

    def owner(self, repository: SampleRepository, viewer: SamplePerson) -> Json | None:
        """The owner of a repository."""
        if repository.owner != ORGANISATION:
            return self.user(viewer)
        owner = OwnerView()
        return self.account(owner.login, owner.id, owner.node_id, "Organization")

    def repository_raw(self, repository: SampleRepository, viewer: SamplePerson) -> msgspec.Raw:
        """A repository in lists and inside pull requests."""
        kept = self._repositories.get(repository.id)
        if kept is None:
            kept = self._repositories[repository.id] = raw(self.repository(repository, viewer))
        return kept

    def repository(self, repository: SampleRepository, viewer: SamplePerson) -> Json:
        """A repository without the fields of a single repository."""
        url, page = self.repo_url(repository), f"{WEB}/{repository.full_name}"
        waiting = sum(1 for p in repository.pulls if not p.closed) + sum(1 for t in repository.tickets if not t.closed)
        return {
            "id": repository.id, "node_id": repository.node_id, "name": repository.name,
            "full_name": repository.full_name, "private": repository.private, "owner": self.owner(repository, viewer),
            "html_url": page, "description": repository.description, "fork": False, "url": url,
            **{f"{name}_url": f"{url}/{name}" for name in _REPOSITORY_LINKS},
            "git_url": f"git://github.com/{repository.full_name}.git", "svn_url": page,
            "ssh_url": f"git@github.com:{repository.full_name}.git", "clone_url": f"{page}.git",
            "created_at": github_stamp(repository.created), "updated_at": github_stamp(repository.updated),
            "pushed_at": github_stamp(repository.pushed), "homepage": None, "mirror_url": None,
            "size": 0 if repository.is_empty else 4321, "stargazers_count": 3, "watchers_count": 3, "watchers": 3,
            "language": repository.language or None, "has_issues": True, "has_projects": True, "has_downloads": True,
            "has_wiki": False, "has_pages": False, "has_discussions": False, "forks_count": 0, "forks": 0,
            "archived": repository.archived, "disabled": False, "license": None, "open_issues_count": waiting,
            "open_issues": waiting, "allow_forking": True, "is_template": False, "topics": [],
            "visibility": "private" if repository.private else "public", "default_branch": "main",
            "web_commit_signoff_required": False,
            "permissions": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
        }  # fmt: skip

    def label(self, label: LabelView) -> Json:
        """A label."""
        return {"id": label.id, "node_id": label_node_id(label), "name": label.name, "color": label.colour,
                "default": False, "description": label.description,
                "url": f"{self.repo_url(label.repository)}/labels/{label.name}"}  # fmt: skip

    def milestone(self, milestone: MilestoneView, viewer: SamplePerson) -> Json:
        """The milestone of a repository."""
        repository = milestone.repository
        url = f"{self.repo_url(repository)}/milestones/{milestone.number}"
        created = github_stamp(repository.created)
        return {
            "url": url,
            "html_url": f"{WEB}/{repository.full_name}/milestone/{milestone.number}",
            "labels_url": f"{url}/labels",
            "id": milestone.id,
            "node_id": node_id("MI", repository.id, milestone.id),
            "number": milestone.number,
            "title": "Next release",
            "description": None,
            "creator": self.user(viewer),
            "open_issues": 1,
            "closed_issues": 0,
            "state": "open",
            "created_at": created,
            "updated_at": created,
            "due_on": None,
            "closed_at": None,
        }

    def reactions(self, url: str) -> Json:
        """Nobody reacted."""
        return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)}

    def commit(self, commit: SampleCommit) -> Json:
        """A commit in lists; the detail adds stats and files."""
        url = f"{self.repo_url(commit.repository)}/commits/{commit.oid}"
        git = f"{self.repo_url(commit.repository)}/git"
        person = self.user_raw(commit.author)
        return {
            "sha": commit.oid, "node_id": node_id("C", commit.repository.id, int(commit.oid[:12], 16)),
            "commit": {
                "author": {"name": commit.git_name, "email": commit.git_email, "date": github_stamp(commit.authored)},
                "committer": {"name": commit.git_name, "email": commit.git_email,
                              "date": github_stamp(commit.committed)},
                "message": commit.message, "tree": {"sha": commit.oid[::-1], "url": f"{git}/trees/{commit.oid[::-1]}"},
                "url": f"{git}/commits/{commit.oid}", "comment_count": 0,
                "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None,
                                 "verified_at": None},
            },
            "url": url, "html_url": commit_url(commit), "comments_url": f"{url}/comments", "author": person,
            "committer": person,
            "parents": [{"sha": p, "url": f"{self.repo_url(commit.repository)}/commits/{p}",
                         "html_url": f"{WEB}/{commit.repository.full_name}/commit/{p}"} for p in commit.parents],
        }  # fmt: skip

    def review(self, pull: SamplePull, review: SampleReview) -> Json:
        """A review."""
        page = f"{pull_url(pull)}#pullrequestreview-{review.id}"
        own = f"{self.repo_url(pull.repository)}/pulls/{pull.number}"
        return {"id": review.id, "node_id": review.node_id, "user": self.user_raw(review.author), "body": review.body,
                "state": review.state, "html_url": page, "pull_request_url": own, "author_association": "MEMBER",
                "_links": {"html": {"href": page}, "pull_request": {"href": own}},
                "submitted_at": github_stamp(review.submitted), "commit_id": review.oid}  # fmt: skip

    def note(self, pull: SamplePull, note: SampleNote) -> Json:
        """A review comment; `line` and `position` are null when it is outdated."""
        url = f"{self.repo_url(pull.repository)}/pulls/comments/{note.id}"
        own = f"{self.repo_url(pull.repository)}/pulls/{pull.number}"
        page = f"{pull_url(pull)}#discussion_r{note.id}"
        shape: Json = {
            "url": url, "pull_request_review_id": note.review.id, "id": note.id, "node_id": note.node_id,
            "diff_hunk": diff_hunk(note), "path": note.path, "commit_id": note.oid, "original_commit_id": note.oid,
            "user": self.user_raw(note.author), "body": note.body, "created_at": github_stamp(note.created),
            "updated_at": github_stamp(note.updated), "html_url": page, "pull_request_url": own,
            "author_association": "MEMBER",
            "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": own}},
            "reactions": self.reactions(url), "start_line": None, "original_start_line": None, "start_side": None,
            "line": note.line, "original_line": note.original_line, "side": "RIGHT", "subject_type": "line",
            "original_position": 3, "position": 3 if note.line else None,
        }  # fmt: skip
        return shape | ({"in_reply_to_id": note.reply_to.id} if note.reply_to else {})

    def remark(self, item: SamplePull | SampleTicket, remark: SampleRemark) -> Json:
        """A comment below a pull request or ticket."""
        url = f"{self.repo_url(item.repository)}/issues/comments/{remark.id}"
        return {"url": url, "html_url": f"{page_url(item)}#issuecomment-{remark.id}",
                "issue_url": f"{self.repo_url(item.repository)}/issues/{item.number}", "id": remark.id,
                "node_id": remark.node_id, "user": self.user_raw(remark.author),
                "created_at": github_stamp(remark.created), "updated_at": github_stamp(remark.updated),
                "author_association": "MEMBER", "body": remark.body, "reactions": self.reactions(url),
                "performed_via_github_app": None}  # fmt: skip

    def issue(self, item: SamplePull | SampleTicket, viewer: SamplePerson) -> Json:
        """A ticket, or a pull request as the issue list shows it (with another id)."""
        url = f"{self.repo_url(item.repository)}/issues/{item.number}"
        labels: list[Any] = [self.label(LabelView(item.repository, name)) for name in item.labels]
        is_pull = isinstance(item, SamplePull)
        shape: Json = {
            "url": url, "repository_url": self.repo_url(item.repository), "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments", "events_url": f"{url}/events", "html_url": page_url(item),
            "id": item.issue_id if isinstance(item, SamplePull) else item.id,
            "node_id": item.node_id, "number": item.number, "title": item.title, "user": self.user_raw(item.author),
            "labels": labels, "state": "closed" if item.closed else "open", "locked": False, "assignee": None,
            "assignees": [], "milestone": None, "comments": len(item.remarks),
            "created_at": github_stamp(item.created), "updated_at": github_stamp(item.updated),
            "closed_at": maybe_stamp(item.closed), "author_association": "MEMBER", "active_lock_reason": None,
            "body": item.body, "closed_by": self.user(viewer) if item.closed else None,
            "reactions": self.reactions(url), "timeline_url": f"{url}/timeline", "performed_via_github_app": None,
            "state_reason": "completed" if item.closed and not is_pull else None,
        }  # fmt: skip
        if isinstance(item, SamplePull):
            own = f"{self.repo_url(item.repository)}/pulls/{item.number}"
            shape["draft"] = item.draft
            shape["pull_request"] = {
                "url": own,
                "html_url": pull_url(item),
                "diff_url": f"{pull_url(item)}.diff",
                "patch_url": f"{pull_url(item)}.patch",
                "merged_at": maybe_stamp(item.merged),
            }
        return shape
