"""How does one get from a stored connection to a working client of the provider?"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings

from apps.core.crypto import UndecryptableSecretError
from apps.core.redis import redis_client
from apps.integrations.access import TokenGovernor
from apps.integrations.address import check_base_url
from apps.integrations.governor import RedisGovernor
from apps.integrations.models import Integration, Token
from apps.integrations.sizes import RedisSizes
from apps.sources.base import Connection, Source
from apps.sources.errors import UnauthorizedError
from apps.sources.http import Http, host
from apps.sources.registry import SOURCES

MOST_PER_SITE = 128  # requests in flight at a site whose tokens have limits of their own


def open_source(
    integration: Integration, on_trouble: Callable[[str], None] | None = None
) -> tuple[Source, Connection, Http]:
    """The provider's source, and what it needs to talk for ``integration`` with all its active tokens.

    The caller closes the client. ``on_trouble`` is told why a call is tried again. Raises :class:`UnauthorizedError`
    where there is no token, otherwise as :func:`open_tokens`.
    """
    tokens = list(integration.tokens.filter(is_active=True))
    if not tokens:
        raise UnauthorizedError(f"{integration} has no active token: enter one in the admin under Integrations.")
    return open_tokens(integration, tokens, on_trouble=on_trouble)


def open_tokens(integration: Integration, tokens: Iterable[Token], **options: Any) -> tuple[Source, Connection, Http]:
    """The same with chosen tokens; each call goes out with the one that has most left. ``options`` are :class:`Http`'s.

    The address is looked at again: what its name resolves to may have changed since it was saved. Raises
    :class:`ValidationError` for an address that is not allowed, :class:`UndecryptableSecretError` where no token's key
    is known. All clients that share an allowance obey the same limits.
    """
    check_base_url(integration.base_url)
    source = SOURCES[integration.provider]
    site = RedisGovernor(redis_client(), f"{integration.provider}/{host(integration.base_url)}", most=MOST_PER_SITE)
    governors: dict[str, RedisGovernor] = {}
    clients: list[Http] = []
    options |= {"public_only": not settings.ALLOW_PRIVATE_NETWORKS, "sizes": RedisSizes(redis_client(), integration.pk)}
    for token, connection in reversed(_readable(integration, tokens)):
        name = f"{integration.provider}/{source.allowance(connection)}"
        own = governors[name] = governors.get(name) or RedisGovernor(redis_client(), name)
        governor = TokenGovernor(token, own, own if own.name == site.name else site)
        clients = [source.http(connection, governor=governor, others=clients, **options), *clients]
    return source, connection, clients[0]


def _readable(integration: Integration, tokens: Iterable[Token]) -> list[tuple[Token, Connection]]:
    """The tokens whose key is known; where it is none, the error that says which key is missing."""
    found: list[tuple[Token, Connection]] = []
    problem: UndecryptableSecretError | None = None
    for token in tokens:
        token.integration = integration
        try:
            found.append((token, token.connection()))
        except UndecryptableSecretError as error:
            problem = error
    if problem and not found:
        raise problem
    return found
