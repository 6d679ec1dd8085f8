"""Which person does Jira mean? Old and new servers name people differently."""

from collections.abc import Iterable

from apps.sources.jira.client import Payload
from apps.sources.reading import Name, note_odd_value
from apps.sources.rows import Row, User
from apps.sources.text import clean


class JiraPersonPayload(Payload, rename="camel"):
    """A person. Cloud names people by ``accountId``, older Jira by ``key`` or ``name``."""

    account_id: Name | None = None
    key: Name | None = None
    name: Name | None = None
    display_name: str | None = None
    email_address: str | None = None
    account_type: str | None = None
    active: bool | None = None

    @property
    def external_id(self) -> str:
        """The stable id; "" for a person without any."""
        return clean(self.account_id or self.key or self.name)


def person_id(person: JiraPersonPayload | None) -> str:
    """The id of a person; "" for none. A person without an id is an odd value."""
    if person and not person.external_id:
        note_odd_value("a person without an id")
    return person.external_id if person else ""


def user_row(person: JiraPersonPayload) -> User:
    """The row of a person who has an id."""
    return User(
        external_id=person.external_id,
        login=clean(person.name),
        display_name=clean(person.display_name),
        email=clean(person.email_address),
        account_type=clean(person.account_type),
        is_active=person.active is not False,
    )


def user_rows(people: Iterable[JiraPersonPayload | None]) -> list[Row]:
    """A row for each person with an id, each once."""
    found = {person.account_id or person.key or person.name: person for person in people if person}
    return [user_row(person) for name, person in found.items() if name]
