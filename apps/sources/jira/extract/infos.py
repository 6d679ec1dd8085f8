"""What does extraction need to know of an issue?"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from apps.sources.base import SourceRecord
from apps.sources.errors import InvalidAnswerError
from apps.sources.jira.client import Payload, ProjectNamePayload, has_all_comments
from apps.sources.reading import Id, Name, read_quietly
from apps.sources.text import clean, parse_time


class TimesPayload(Payload):
    """A comment, or an entry of a changelog; we read only its times."""

    created: Any = None
    updated: Any = None


class EmbeddedCommentsPayload(Payload):
    """The comments inside an issue: perhaps only some of them."""

    total: int | None = None
    comments: list[msgspec.Raw] = []


class IssueInfoFieldsPayload(Payload):
    """The fields that extraction needs. Comments that cannot be read are null."""

    created: str | None = None
    updated: str | None = None
    project: ProjectNamePayload | None = None
    comment: EmbeddedCommentsPayload | msgspec.UnsetType | None = msgspec.UNSET


class IssueInfoPayload(Payload):
    """An issue as far as extraction reads it."""

    id: Id
    key: Name = ""
    fields: IssueInfoFieldsPayload | None = None

    @property
    def project(self) -> str:
        """The key of its project, "" if it is not known."""
        return (self.fields and self.fields.project and self.fields.project.key) or ""

    @property
    def updated(self) -> str:
        """When it changed."""
        return (self.fields and self.fields.updated) or ""

    @property
    def comments(self) -> list[msgspec.Raw]:
        """The comments that it contains."""
        return self.fields.comment.comments if self.fields and self.fields.comment else []

    @property
    def total_comments(self) -> int:
        """How many comments it announces."""
        return (self.fields and self.fields.comment and self.fields.comment.total) or 0

    @property
    def has_all_comments(self) -> bool:
        """Whether it contains all its comments."""
        embedded = self.fields and self.fields.comment
        return bool(embedded and has_all_comments(len(embedded.comments), embedded.total))

    @property
    def needs_comments(self) -> bool:
        """Whether the list of its comments must be read."""
        return bool(self.fields and self.fields.comment is not msgspec.UNSET) and not self.has_all_comments

    @property
    def explained(self) -> str:
        """The time of the newest change that the issue itself shows: its creation, and its comments.

        "" if it does not contain all comments: some may be newer.
        """
        if self.needs_comments or not self.fields:
            return ""
        newest = newest_time(self.comments, self.fields.created)
        return newest.isoformat() if newest else ""


def newest_time(items: Iterable[bytes | msgspec.Raw], *others: object) -> datetime | None:
    """The newest time of some comments or entries of a changelog, and of ``others``; ``None`` if there is none."""
    times = list(map(parse_time, others))
    for item in items:
        try:
            shown = read_quietly(bytes(item), TimesPayload)
        except msgspec.DecodeError:
            continue
        times += [parse_time(shown.created), parse_time(shown.updated)]
    return max((time for time in times if time), default=None)


def info_of(payload: bytes) -> IssueInfoPayload:
    """What extraction needs of an issue, without odd values. Raises :class:`InvalidAnswerError` if it has no id."""
    try:
        return read_quietly(payload, IssueInfoPayload)
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(f"Jira sent an issue without an id ({error}).") from None


def record_of(info: IssueInfoPayload, payload: bytes, scope: str, request: str) -> SourceRecord:
    """The raw record of an issue."""
    return SourceRecord("issue", clean(info.id), payload, info.project or scope, request, parse_time(info.updated))
