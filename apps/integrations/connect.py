"""How does one get from a stored connection to a working client of the provider?"""

from apps.core.redis import redis_client
from apps.integrations.address import check_base_url
from apps.integrations.governor import RedisGovernor
from apps.integrations.models import Integration
from apps.sources.base import Connection, Source
from apps.sources.http import Http
from apps.sources.registry import SOURCES


def open_source(integration: Integration) -> tuple[Source, Connection, Http]:
    """The provider's source, and what it needs to talk for ``integration``. The caller closes the client.

    The address is looked at again: what its name resolves to may have changed since it was saved. Raises
    :class:`ValidationError` for an address that is not allowed, :class:`UndecryptableSecret` for a token
    whose key is missing. All clients that share an allowance obey the same limits.
    """
    check_base_url(integration.base_url)
    source = SOURCES[integration.provider]
    connection = integration.connection()
    governor = RedisGovernor(redis_client(), source.allowance(connection))
    return source, connection, source.http(connection, governor=governor)
