"""Which addresses may a connection go to? Only to an address that was checked.

A name is resolved once per connection, its addresses are checked, and the connection is made to one of them. So a name
server that answers differently the second time (DNS rebinding) gains nothing. TLS still proves the *name*.
"""

import ipaddress
import socket

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from apps.sources.errors import UntrustedError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")


def resolve(host: str, port: int) -> list[Address]:
    """All addresses of ``host``, each once; ``OSError`` or ``UnicodeError`` for an unknown name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet. An IPv4 address inside an IPv6 address is checked, too."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = inner_addresses(address)
        if inner:
            return all(is_public(each) for each in inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def inner_addresses(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that a packet to ``address`` may reach."""
    if address in NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    return [each for each in carried if each is not None]


def is_public_host(host: str, port: int) -> bool:
    """Whether every address of ``host`` is public; an unknown name counts as public."""
    try:
        return all(map(is_public, resolve(host, port)))
    except (OSError, UnicodeError):
        return True


class _PublicOnly(HTTPConnection):
    """Connects to public addresses only, and only to those that it has checked."""

    def _new_conn(self) -> socket.socket:
        try:
            addresses = resolve(self.host, self.port or self.default_port)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        for address in addresses:
            if not is_public(address):
                raise UntrustedError(
                    f"{self.host} is {address}, an address in a private or reserved network. No connection was made."
                )
        return self._connect_to_one_of(addresses)

    def _connect_to_one_of(self, addresses: list[Address]) -> socket.socket:
        problem: HTTPError = NewConnectionError(self, f"{self.host} has no address.")
        for address in addresses:
            target = (str(address), self.port or self.default_port)
            try:
                return create_connection(target, self.timeout, self.source_address, self.socket_options)
            except TimeoutError:
                problem = ConnectTimeoutError(self, f"Connection to {self.host} timed out.")
            except OSError as error:
                problem = NewConnectionError(self, f"Failed to establish a new connection: {error}")
        raise problem


class _PublicOnlyTLS(_PublicOnly, HTTPSConnection):
    """The same with TLS: certificate and server name belong to the host's name, not to the address."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _PublicOnly


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _PublicOnlyTLS


class PublicOnlyAdapter(HTTPAdapter):
    """An adapter of requests that connects to public addresses only.

    With a proxy, the proxy resolves names and connects, so this guard has nothing to check.
    """

    def init_poolmanager(self, *args: object, **options: object) -> None:
        """Use the connections above."""
        super().init_poolmanager(*args, **options)  # type: ignore[arg-type]
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
