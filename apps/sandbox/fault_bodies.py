"""How do the error messages of the providers read, and how is a good answer damaged?"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from apps.sandbox.encoding import Json, encode, unopaque
from apps.sandbox.faults import Corrupt, EmptyPage, GraphqlErrors, Inflate, RepeatToken, StatusAction

_DOCS = "https://docs.github.com/rest"
_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center>"
    b"<hr><center>nginx</center></body></html>\n"
)
_GITHUB = {
    401: "Bad credentials", 403: "Resource not accessible by personal access token", 404: "Not Found",
    409: "Git Repository is empty.", 410: "Issues has been disabled in this repository.",
    422: "Validation Failed", 429: "API rate limit exceeded for user ID 1200000.", 451: "Repository access blocked",
    500: "Server Error", 503: "Service Unavailable",
}  # fmt: skip
_JIRA = {
    401: "Client must be authenticated to access this resource.",
    403: "You are not permitted to perform this operation.",
    404: "Issue does not exist or you do not have permission to see it.",
    410: "The requested API has been removed.",
    429: "Rate limit exceeded.",
    500: "Internal server error",
    503: "Service Unavailable",
}
_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to "
    "GitHub Support for help, please include the request ID."
)


def failure(action: StatusAction, *, is_github: bool) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a scripted failure."""
    headers = {"content-type": "application/json;charset=UTF-8"}
    if action.retry_after is not None:
        moment = datetime.now(UTC) + timedelta(seconds=action.retry_after)
        headers["Retry-After"] = (
            format_datetime(moment, usegmt=True) if action.retry_after_date else str(action.retry_after)
        )
    if action.status == 429 and not is_github:
        headers |= {"X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0", "X-RateLimit-NearLimit": "true",
                    "RateLimit-Reason": "jira-burst-based"}  # fmt: skip
    if action.body is None and action.status in (502, 504):
        return action.status, headers | {"content-type": "text/html"} | action.headers, _HTML
    body = action.body if action.body is not None else _usual(action, is_github=is_github)
    content = body.encode() if isinstance(body, str) else encode(body)
    return action.status, headers | action.headers, content


def _usual(action: StatusAction, *, is_github: bool) -> Json:
    if is_github:
        message = _SECONDARY if action.secondary else _GITHUB.get(action.status, "Error")
        return {"message": message, "documentation_url": _DOCS, "status": str(action.status)}
    return {"errorMessages": [_JIRA.get(action.status, "Error")], "errors": {}}


Change = RepeatToken | EmptyPage | GraphqlErrors | Inflate | Corrupt


def spoil(action: Change, answer: Any, asked: Any) -> Any:
    """The decoded answer, changed as the action says; `asked` is the decoded request body."""
    if isinstance(action, GraphqlErrors):
        error = {"message": action.message, "type": "SOMETHING_WENT_WRONG"}
        return {"data": answer.get("data") if action.partial else None, "errors": [error]}
    if isinstance(action, RepeatToken):
        return _repeat(answer, asked)
    records = _records(answer)
    if isinstance(action, EmptyPage):
        records.clear()
        if isinstance(answer, dict) and "isLast" in answer:
            answer["isLast"] = False
        return answer
    chosen = next((r for r in records if action.record is None or action.record in _names(r)), None)
    if chosen is not None:
        (_inflate if isinstance(action, Inflate) else _corrupt)(chosen, action)
    return answer


def _names(record: Json) -> set[str]:
    return {str(record[k]) for k in ("id", "key", "number", "databaseId", "sha", "issueId") if k in record}


def _records(answer: Any) -> list[Any]:
    """The list of records inside an answer: the first list of objects, breadth first; a lone record is its own list."""
    level = [answer]
    while level:
        for value in level:
            if isinstance(value, list) and value and isinstance(value[0], dict):
                return value
        below = [v for value in level if isinstance(value, dict) for v in value.values()]
        level = below if not any(isinstance(v, dict) and "fields" in v for v in level) else []
    return [answer] if isinstance(answer, dict) else []


def _repeat(answer: Any, asked: Any) -> Any:
    if isinstance(answer, dict) and "nextPageToken" in answer and isinstance(asked, dict):
        answer["nextPageToken"] = asked.get("nextPageToken") or answer["nextPageToken"]
    variables = asked.get("variables") if isinstance(asked, dict) else None
    for page in _page_infos(answer):
        page["hasNextPage"] = True
        cursor = next((v for k, v in (variables or {}).items() if isinstance(v, str) and _is_cursor(v)), None)
        page["endCursor"] = cursor or page.get("startCursor")
    return answer


def _is_cursor(value: str) -> bool:
    try:
        return unopaque(value).startswith("cursor:")
    except ValueError:
        return False


def _page_infos(answer: Any) -> list[Json]:
    """The outermost pageInfo objects of a GraphQL answer."""
    level = [answer]
    while level:
        found = [v["pageInfo"] for v in level if isinstance(v, dict) and isinstance(v.get("pageInfo"), dict)]
        if found:
            return found
        level = [v for value in level if isinstance(value, dict) for v in value.values()]
    return []


def _inflate(record: Json, action: Inflate | Corrupt) -> None:
    assert isinstance(action, Inflate)
    words = "This record is far larger than any reader expects. "
    text = words * (action.bytes // len(words) + 1)
    if "fields" in record:
        record["fields"]["description"] = {"type": "doc", "version": 1, "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": text}]}]}  # fmt: skip
    else:
        record["body"] = text


def _corrupt(record: Json, action: Inflate | Corrupt) -> None:
    fields = record.get("fields", record)
    for name in ("created", "updated", "status", "createdAt", "created_at", "state", "submittedAt", "commit"):
        if name in fields:
            fields[name] = [{"unexpected": fields[name] is not None}]
