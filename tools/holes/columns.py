"""Which holes are tried? Each is a column of the table."""

from typing import Any

from tools.holes.cursors import cursors
from tools.holes.holes import (
    EmptyBody,
    FalseTotal,
    Hole,
    LastPageRefused,
    MissingElement,
    NulledField,
    ObjectFails,
    PartialSso,
    Refusal,
    ShorterList,
    WebPage,
)

_SSO = (
    "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this "
    "organization."
)
_SSO_HEADER = "required; url=https://github.com/orgs/meridian-labs/sso?authorization_request=A5KU"


def _both(jira: str, github: str) -> dict[str, Any]:
    return {"jira": {"errorMessages": [jira], "errors": {}}, "github": {"message": github}}


HOLES: tuple[Hole, ...] = (
    Refusal(
        "401",
        "the credentials are refused",
        401,
        _both("Client must be authenticated to access this resource.", "Bad credentials"),
    ),
    Refusal(
        "401 scope",
        "the token lacks a scope",
        401,
        {"jira": {"code": 401, "message": "Unauthorized; scope does not match"}},
    ),
    Refusal(
        "403",
        "a permission is missing",
        403,
        _both("You are not permitted to perform this operation.", "Resource not accessible by personal access token"),
    ),
    Refusal(
        "403 SSO",
        "the organisation asks for single sign-on",
        403,
        {"github": {"message": _SSO}},
        {"x_github_sso": _SSO_HEADER},
    ),
    Refusal("404", "it is not found or not visible", 404, _both("It does not exist or may not be seen.", "Not Found")),
    Refusal("409", "it is in conflict", 409, _both("It is being changed.", "Git Repository is empty.")),
    Refusal("410", "it is gone or switched off", 410, _both("It is gone.", "Issues are disabled for this repo")),
    Refusal("422", "the request is refused", 422, _both("The request cannot be processed.", "Validation Failed")),
    Refusal(
        "429 for ever",
        "429 with Retry-After: 1, for ever",
        429,
        _both("Rate limit exceeded.", "API rate limit exceeded for user ID 1200000."),
        {"retry_after": "1"},
    ),
    ObjectFails(),
    WebPage("502 HTML", "502 with a web page", 502, "502 Bad Gateway"),
    WebPage("200 HTML", "200 with a web page: a log-in form", 200, "Log in"),
    EmptyBody("empty {}", {}),
    EmptyBody("empty []", []),
    ShorterList("empty list", "200 with the list empty and nothing after it", kept_share=0),
    ShorterList("half a list", "the second half of each page is missing", kept_share=0.5),
    LastPageRefused(),
    *cursors(),
    MissingElement(),
    NulledField(),
    FalseTotal("total too high", "the total is larger than the list", is_high=True),
    FalseTotal("total too low", "the total is half of the list", is_high=False),
    PartialSso(),
)
