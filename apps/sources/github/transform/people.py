"""Who was it? Accounts met while a record is transformed, each told once."""

import re

from apps.sources.github.transform.shapes import GHOST, GitActor, Person
from apps.sources.rows import Row, User
from apps.sources.text import clean

BOT = "[bot]"
_BOT_ADDRESS = re.compile(r"(?P<id>[1-9]\d{0,17})\+(?P<login>[\w.-]{1,100}\[bot\])@users\.noreply\.\S{1,200}")


class People:
    """The accounts of one record. ``rows`` are known with their name, ``gap_rows`` by their login only."""

    def __init__(self) -> None:
        self._named: dict[str, Row] = {}
        self._nameless: dict[str, Row] = {}

    def id_of(self, person: Person | None) -> str:
        """The external id of an account, "" for a deleted or unknown one."""
        if person is None or not person.login or person.login == GHOST or person.database_id is None:
            return ""
        external_id = str(person.database_id)
        if external_id in self._named or (external_id in self._nameless and not isinstance(person.name, str)):
            return external_id
        is_told = isinstance(person.name, str | None) or person.typename != "User"
        (self._named if is_told else self._nameless)[external_id] = user(person, external_id)
        return external_id

    @property
    def rows(self) -> list[Row]:
        """Accounts to store, with what is known of them now."""
        return list(self._named.values())

    @property
    def gap_rows(self) -> list[Row]:
        """Accounts to store only where nothing is known of them."""
        return [row for key, row in self._nameless.items() if key not in self._named]


def author_account(actor: GitActor | None) -> Person | None:
    """The account behind a git author. GraphQL names no bot there, but a bot's e-mail address holds its id."""
    if actor is None or actor.user:
        return actor.user if actor else None
    bot = _BOT_ADDRESS.fullmatch(actor.email or "")
    return Person(typename="Bot", login=bot["login"], database_id=int(bot["id"])) if bot else None


def user(person: Person, external_id: str) -> User:
    """The row of an account. GraphQL leaves the ``[bot]`` out that REST shows in a bot's login."""
    login = clean(person.login)
    if person.typename == "Bot" and not login.endswith(BOT):
        login += BOT
    return User(
        external_id=external_id,
        login=login,
        display_name=clean(person.name) if isinstance(person.name, str) else "",
        account_type=person.typename.lower(),
    )
