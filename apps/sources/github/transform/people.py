"""Which accounts does a record name? Each of them once."""

import re

from apps.sources.github.transform.shapes import GHOST, AccountNode, GitActorNode
from apps.sources.rows import Row, User
from apps.sources.text import clean

BOT = "[bot]"
_BOT_ADDRESS = re.compile(r"(?P<id>[1-9]\d{0,17})\+(?P<login>[\w.-]{1,100}\[bot\])@users\.noreply\.\S{1,200}")


class People:
    """The accounts of one record. The record has the names of ``rows``, but perhaps not those of ``gap_rows``."""

    def __init__(self) -> None:
        self._named: dict[str, User] = {}
        self._nameless: dict[str, User] = {}

    def id_of(self, account: AccountNode | None) -> str:
        """The external id of an account, "" for a deleted or unknown one."""
        if account is None or not account.login or account.login == GHOST or account.database_id is None:
            return ""
        external_id = clean(account.database_id)
        row = user_row(account, external_id)
        known = self._named.get(external_id) or self._nameless.get(external_id)
        # A later mention of the same account may add its name.
        if known and (known.display_name or not row.display_name or known.login != row.login):
            return external_id
        is_named = isinstance(account.name, str | None) or account.typename != "User"
        (self._named if is_named else self._nameless)[external_id] = row
        return external_id

    @property
    def rows(self) -> list[Row]:
        """The accounts with the names of this record."""
        return list(self._named.values())

    @property
    def gap_rows(self) -> list[Row]:
        """The accounts that are stored only if there is no row yet."""
        return [row for key, row in self._nameless.items() if key not in self._named]


def author_account(actor: GitActorNode | None) -> AccountNode | None:
    """The account behind a git author. For a bot GraphQL gives no account, but its e-mail address has its id."""
    if actor is None or actor.user:
        return actor.user if actor else None
    bot = _BOT_ADDRESS.fullmatch(actor.email or "")
    return AccountNode(typename="Bot", login=bot["login"], database_id=int(bot["id"])) if bot else None


def user_row(account: AccountNode, external_id: str) -> User:
    """The row of an account. REST adds ``[bot]`` to the login of a bot, GraphQL does not."""
    login = clean(account.login)
    if account.typename == "Bot" and not login.endswith(BOT):
        login += BOT
    return User(
        external_id=external_id,
        login=login,
        display_name=clean(account.name) if isinstance(account.name, str) else "",
        account_type=clean(account.typename).lower(),
    )
