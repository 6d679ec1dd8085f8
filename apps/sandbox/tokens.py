"""Which tokens are accepted, with how many remaining requests, and until when? Each token has its own budgets."""

import time
from datetime import UTC, datetime

import msgspec

from apps.sandbox.config import FURTHER_TOKENS, TOKEN, TOKEN_WITHOUT_SCOPES
from apps.sandbox.encoding import Json
from apps.sandbox.github.limits import Budget


class TokenOrder(msgspec.Struct, forbid_unknown_fields=True):
    """A test's order for a token: ``remaining`` requests and points for the next ``seconds``, expiry, revocation."""

    token: str
    remaining: int | None = None
    seconds: int = 3600
    expires_at: datetime | None = None
    revoked: bool = False


class TokenAccount:
    """One token. ``has_scopes`` is false for the token without rights."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.has_scopes = token != TOKEN_WITHOUT_SCOPES
        self.begin()

    def begin(self) -> None:
        """Give it full budgets and no expiry."""
        self.core = Budget("core", 5000, is_enforced=False)
        self.points = Budget("graphql", 5000, is_enforced=True)
        self.expires_at: datetime | None = None
        self.revoked = False
        self.served = 0

    def change(self, order: TokenOrder) -> None:
        """Carry out a test's order."""
        self.revoked, self.expires_at = order.revoked, order.expires_at
        if order.remaining is not None:
            for budget in (self.core, self.points):
                budget.leave(order.remaining, order.seconds)

    def headers(self) -> dict[str, str]:
        """GitHub's headers for a token that expires."""
        if self.expires_at is None:
            return {}
        end = f"{self.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return {"GitHub-Authentication-Token-Expiration": end}

    def as_json(self) -> Json:
        """Its state."""
        return {"served": self.served, "core": self.core.as_json(), "graphql": self.points.as_json(),
                "revoked": self.revoked, "expires_at": self.expires_at}  # fmt: skip


class SampleTokens:
    """All tokens."""

    def __init__(self) -> None:
        self.accounts = {token: TokenAccount(token) for token in (TOKEN, *FURTHER_TOKENS, TOKEN_WITHOUT_SCOPES)}

    def authenticate(self, token: str | None) -> TokenAccount | None:
        """Count a request and return the account of its token; None when the token is refused."""
        account = self.accounts.get(token or "")
        if account is None or account.revoked:
            return None
        if account.expires_at is not None and account.expires_at.timestamp() <= time.time():
            return None
        account.served += 1
        return account

    def reset(self) -> None:
        """Give all tokens full budgets; none is revoked."""
        for account in self.accounts.values():
            account.begin()
