"""How does a stored connection become a working client of the provider?"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from django.conf import settings

from apps.core.crypto import UndecryptableSecretError
from apps.core.redis import redis_client
from apps.integrations.address import check_base_url
from apps.integrations.models import Integration, Token
from apps.integrations.rate_limiter import RedisRateLimiter, TokenRateLimiter
from apps.integrations.sizes import RedisSizes
from apps.sources.base import Connection, Source
from apps.sources.errors import UnauthorizedError
from apps.sources.http import Http, HttpOptions, host
from apps.sources.registry import SOURCES

MAX_PLACES_PER_SITE = 128  # requests in flight at a site where each token has its own limits


def open_source(
    integration: Integration, on_retry: Callable[[str], None] | None = None
) -> tuple[Source, Connection, Http]:
    """The provider's source, and what it needs to ask for ``integration`` with all its active tokens.

    The caller closes the client. ``on_retry`` receives a sentence when a call is tried again. Raises
    :class:`UnauthorizedError` where there is no token, otherwise as :func:`open_tokens`.
    """
    tokens = list(integration.tokens.filter(is_active=True))
    if not tokens:
        raise UnauthorizedError(f"{integration} has no active token: enter one in the admin under Integrations.")
    return open_tokens(integration, tokens, HttpOptions(on_retry=on_retry))


def open_tokens(
    integration: Integration, tokens: Iterable[Token], options: HttpOptions = HttpOptions()
) -> tuple[Source, Connection, Http]:
    """The same with chosen tokens. Each call is sent with the token that has the most requests left.

    The address is checked again, because its name may now have another address than when it was saved. Raises
    :class:`ValidationError` for an address that is not allowed, :class:`UndecryptableSecretError` if no token can be
    decrypted. All clients with the same quota key share a rate limiter.
    """
    check_base_url(integration.base_url)
    source = SOURCES[integration.provider]
    site_name = f"{integration.provider}/{host(integration.base_url)}"
    site = RedisRateLimiter(redis_client(), site_name, max_places=MAX_PLACES_PER_SITE)
    by_quota: dict[str, RedisRateLimiter] = {}
    clients: list[Http] = []
    sizes = RedisSizes(redis_client(), integration.pk)
    options = replace(options, must_be_public=not settings.ALLOW_PRIVATE_NETWORKS, sizes=sizes)
    for token, connection in reversed(_readable(integration, tokens)):
        name = f"{integration.provider}/{source.quota_key(connection)}"
        own = by_quota[name] = by_quota.get(name) or RedisRateLimiter(redis_client(), name)
        rate_limiter = TokenRateLimiter(token, own, own if own.name == site.name else site)
        client = source.http(connection, replace(options, rate_limiter=rate_limiter, others=clients))
        clients = [client, *clients]
    return source, connection, clients[0]


def _readable(integration: Integration, tokens: Iterable[Token]) -> list[tuple[Token, Connection]]:
    """The tokens that can be decrypted. If there is none, the error names the missing key."""
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
