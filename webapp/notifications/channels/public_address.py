"""Connect to public addresses only, so that a webhook cannot reach what only this machine can reach.

The name is looked up once, and the connection goes to an address that was checked: a name that points to another
address a moment later (DNS rebinding) changes nothing.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
_SHARED = ip_network("64:ff9b::/96")  # NAT64: an IPv4 address in its last 32 bits
_PORTS = range(1, 65_536)


class PrivateAddress(OSError):
    """Raised when an address is not public and no setting permits it; the message says which and what to do."""

    def __init__(self, host: str, address: object) -> None:
        """Name both."""
        shown = host if host == str(address) else f"{host} ({address})"
        super().__init__(
            f"{shown} is not a public address. An admin can allow its network with DESKJOB_NOTIFY_NETWORKS."
        )


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a setting, which are separated by commas; raises ``ValueError``."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_allowed(address: str, networks: Collection[Network] = ()) -> bool:
    """Return whether a numeric address is public, or within one of the networks."""
    found = _plain(ip_address(address.partition("%")[0]))
    return (found.is_global and not found.is_multicast) or any(found in network for network in networks)


def connect(host: str, port: int, timeout: float, networks: Collection[Network] = ()) -> socket.socket:
    """Return a connection to an allowed address of a host; raises `PrivateAddress` or another ``OSError``.

    A host with any address that is not allowed is refused, so that its answer does not depend on chance.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if not is_allowed(str(address[0]), networks):
            raise PrivateAddress(host, address[0])
    return _first_open(found, timeout)


def _first_open(found: list[Any], timeout: float) -> socket.socket:
    error: OSError = OSError("The host has no address.")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout)
        try:
            connection.connect(address)
        except OSError as failure:
            connection.close()
            error = failure
        else:
            return connection
    raise error


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, if there is one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _SHARED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
