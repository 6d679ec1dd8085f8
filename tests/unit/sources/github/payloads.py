"""What does GitHub send? Small invented objects: the same pull request over GraphQL and over REST."""

from typing import Any

Json = dict[str, Any]
URL = "https://github.com/acme/shop/pull/7"
ADA = {"__typename": "User", "login": "ada", "databaseId": 11, "name": "Ada L."}
BOT = {"__typename": "Bot", "login": "dependabot", "databaseId": 12}
REST_ADA = {"login": "ada", "id": 11, "type": "User"}
REST_BOT = {"login": "dependabot[bot]", "id": 12, "type": "Bot"}
REST_GHOST = {"login": "ghost", "id": 10137, "type": "User"}


def nodes(items: list[Any], total: int | None = None, cursor: str | None = None) -> Json:
    total = len(items) if total is None else total
    return {
        "totalCount": total,
        "pageInfo": {"hasNextPage": bool(cursor), "endCursor": cursor},
        "nodes": items,
    }


def identity(number: int = 7) -> Json:
    return {
        "id": f"PR_{number}",
        "fullDatabaseId": str(700 + number),
        "number": number,
        "url": f"https://github.com/acme/shop/pull/{number}",
        "updatedAt": "2026-03-04T10:00:00Z",
        "repository": {"databaseId": 5, "nameWithOwner": "acme/shop"},
    }


def commit(oid: str = "c1", message: str = "PAY-3 first", author: Any = ADA) -> Json:
    return {
        "commit": {
            "oid": oid,
            "message": message,
            "additions": 0,
            "deletions": 0,
            "authoredDate": "2026-03-01T08:00:00Z",
            "committedDate": "2026-03-01T09:00:00Z",
            "author": {"name": "Ada", "email": "ada@example.org", "user": author},
        }
    }


def review(number: int = 901, author: Any = None) -> Json:
    return {
        "fullDatabaseId": str(number),
        "state": "APPROVED",
        "body": "",
        "submittedAt": "2026-03-02T08:00:00Z",
        "commit": {"oid": "c1"},
        "author": author,
    }


def comment(number: int = 801, author: Any = BOT) -> Json:
    return {
        "fullDatabaseId": str(number),
        "body": "Nice",
        "createdAt": "2026-03-02T08:00:00Z",
        "updatedAt": "2026-03-02T09:00:00Z",
        "author": author,
    }


def note(number: int = 851) -> Json:
    return {
        **comment(number, None),
        "path": "a.py",
        "line": None,
        "originalLine": 4,
        "pullRequestReview": {"fullDatabaseId": "901"},
    }


def thread(*notes: Json, total: int | None = None, cursor: str | None = None, name: str = "T_1") -> Json:
    return {"id": name, "comments": nodes(list(notes), total, cursor)}


def pull_request(number: int = 7, **changes: Any) -> Json:
    return {
        **identity(number),
        "title": "PAY-1: pay",
        "body": "Fixes PAY-2",
        "state": "MERGED",
        "isDraft": False,
        "createdAt": "2026-03-01T10:00:00Z",
        "mergedAt": "2026-03-04T09:59:58Z",
        "closedAt": "2026-03-04T10:00:00Z",
        "additions": 10,
        "deletions": 2,
        "changedFiles": 3,
        "reviewDecision": None,
        "baseRefName": "main",
        "headRefName": "feature/pay-1",
        "headRefOid": "c1",
        "headRepository": None,
        "mergeCommit": {"oid": "m1"},
        "author": ADA,
        "mergedBy": BOT,
        "labels": {"nodes": [{"name": "bug"}]},
        "assignees": {"nodes": [ADA]},
        "commits": nodes([commit()]),
        "reviews": nodes([review()]),
        "reviewThreads": nodes([thread(note())]),
        "comments": nodes([comment()]),
        **changes,
    }


def rest_pull_request(number: int = 7) -> Json:
    return {
        "pull_request": {
            "id": 700 + number,
            "number": number,
            "html_url": f"https://github.com/acme/shop/pull/{number}",
            "state": "closed",
            "title": "PAY-1: pay",
            "body": "Fixes PAY-2",
            "draft": False,
            "created_at": "2026-03-01T10:00:00Z",
            "updated_at": "2026-03-04T10:00:00Z",
            "merged_at": "2026-03-04T09:59:58Z",
            "closed_at": "2026-03-04T10:00:00Z",
            "additions": 10,
            "deletions": 2,
            "changed_files": 3,
            "merge_commit_sha": "m1",
            "user": REST_ADA,
            "merged_by": REST_BOT,
            "commits": 1,
            "base": {"ref": "main", "sha": "b0", "repo": {"id": 5, "full_name": "acme/shop"}},
            "head": {"ref": "feature/pay-1", "sha": "c1", "repo": None},
            "labels": [{"name": "bug"}],
            "assignees": [REST_ADA],
        },
        "commits": [
            {
                "sha": "c1",
                "author": REST_ADA,
                "commit": {
                    "message": "PAY-3 first",
                    "author": {"name": "Ada", "email": "ada@example.org", "date": "2026-03-01T08:00:00Z"},
                    "committer": {"name": "GitHub", "email": "x@example.org", "date": "2026-03-01T09:00:00Z"},
                },
            }
        ],
        "reviews": [
            {
                "id": 901,
                "state": "APPROVED",
                "body": None,
                "submitted_at": "2026-03-02T08:00:00Z",
                "commit_id": "c1",
                "user": REST_GHOST,
            }
        ],
    }


def rest_comment(number: int = 801, user: Any = REST_BOT, **changes: Any) -> Json:
    return {
        "id": number,
        "html_url": f"{URL}#issuecomment-{number}",
        "body": "Nice",
        "user": user,
        "created_at": "2026-03-02T08:00:00Z",
        "updated_at": "2026-03-02T09:00:00Z",
        **changes,
    }


def rest_note(number: int = 851) -> Json:
    return rest_comment(
        number,
        None,
        html_url=f"{URL}#discussion_r{number}",
        path="a.py",
        line=None,
        original_line=4,
        pull_request_review_id=901,
    )
