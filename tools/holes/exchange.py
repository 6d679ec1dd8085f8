"""What do product and provider send to each other? A request with its normal form, and an answer."""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

FURTHER = ", further page"
_OPERATION = re.compile(r"query (\w+)")
# Parts of a path that differ from request to request.
_VARYING = (
    (re.compile(r"/repos/[^/]+/[^/]+"), "/repos/{repository}"),
    # GitHub's addresses of further pages have the id of the repository.
    (re.compile(r"/repositories/\d+/"), "/repos/{repository}/"),
    (re.compile(r"/orgs/[^/]+"), "/orgs/{organisation}"),
    (re.compile(r"/issue/[A-Z][A-Z0-9]*-\d+"), "/issue/{id}"),
    (re.compile(r"(?<!/api)/\d+(?=/|$)"), "/{id}"),
)


@dataclass(frozen=True)
class Asked:
    """One request of the product. ``path`` begins with the provider; ``body`` is decoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any = None

    @property
    def provider(self) -> str:
        """``jira`` or ``github``."""
        return self.path.split("/")[1]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the query, each with its last value."""
        return {name: values[-1] for name, values in parse_qs(self.query).items()}

    @property
    def fields(self) -> dict[str, Any]:
        """The body as an object."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of a GraphQL query."""
        return self.fields.get("variables") or {}

    @property
    def operation(self) -> str:
        """The name of a GraphQL query, "" for other requests."""
        found = _OPERATION.search(str(self.fields.get("query", ""))) if self.path.endswith("/graphql") else None
        return found[1] if found else ""

    @property
    def kind(self) -> str:
        """The normal form: what two requests of one kind have in common."""
        what = self._purpose()
        return f"{self._place()}{f' ({what})' if what else ''}{FURTHER if self._is_further() else ''}"

    def _place(self) -> str:
        if self.operation:
            return f"GraphQL {self.operation}"
        path = self.path
        for pattern, name in _VARYING:
            path = pattern.sub(name, path)
        return f"{self.method} {path.removeprefix(f'/{self.provider}')}"

    def _purpose(self) -> str:
        """The same call is used for several things."""
        if self.operation == "PullRequestHeads":
            parts = [("newest", self.variables.get("repositories")), ("stored", self.variables.get("known0"))]
            return " and ".join(name for name, ids in parts if ids)
        if self.operation == "Deliveries":
            return "releases" if self.variables.get("releases") else "deployments"
        if self.path.endswith("/search/jql"):
            return "changes" if self.fields.get("fields") == ["id"] else "all ids"
        if self.path.endswith("/issue/bulkfetch"):
            return {"*all": "issues", "key": "keys"}.get(self.fields["fields"][0], "panels")
        return "chosen" if self.path.endswith("/project/search") and "keys" in self.parameters else ""

    def _is_further(self) -> bool:
        answer = self.parameters
        return bool(
            int(answer.get("page", 1)) > 1
            or int(answer.get("startAt", 0)) > 0
            or self.fields.get("nextPageToken")
            or self.variables.get("after")
        )


@dataclass(frozen=True)
class Answer:
    """One answer of a provider. Names of headers are in lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, value: Any, **headers: str) -> "Answer":
        """An answer with a JSON body; ``_`` in the names of headers stands for ``-``."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), {"content-type": "application/json;charset=UTF-8", **named})

    @classmethod
    def page(cls, status: int, title: str) -> "Answer":
        """A web page instead of JSON."""
        body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return cls(status, body.encode(), {"content-type": "text/html;charset=UTF-8"})

    def json(self) -> Any:
        """The decoded body. Broken characters stay what they are: JSON has escapes for them."""
        return json.loads(self.body)

    def with_json(self, value: Any) -> "Answer":
        """The same answer with another body."""
        return replace(self, body=json.dumps(value).encode())

    def with_headers(self, **headers: str) -> "Answer":
        """The same answer with more headers; an empty text removes one."""
        changed = self.headers | {name.replace("_", "-"): text for name, text in headers.items()}
        return replace(self, headers={name: text for name, text in changed.items() if text})
