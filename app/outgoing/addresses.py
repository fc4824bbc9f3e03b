"""Which addresses may be connected to."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Any

from app.outgoing.failures import AddressRefused

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""Family, type, protocol, name and address, as `getaddrinfo` tells them."""

PORTS = frozenset({80, 443})
UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 in use. All forms that embed IPv4 but two lie outside it."""

# Python's `is_global` differs between its versions; this is IANA's list of special addresses.
SPECIAL_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, unspecified
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by customers of a provider
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, where clouds keep their secrets
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",  # documentation, as are the next two of .100 and .113
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
SPECIAL_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols, among them Teredo, which embeds IPv4
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds IPv4
            "3fff::/20",  # documentation
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets through to these ports of public addresses, and to every port of what is `allowed`."""

    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: frozenset[int] = PORTS

    def socket_for(self, info: AddressInfo) -> socket.socket:
        """The socket of a connection about to be made.

        Whatever a name resolved to, and however an address was spelled, this is where it would
        go: nothing is resolved after it. Raises AddressRefused.
        """
        family, kind, protocol, _, target = info
        if not self.admits(str(target[0]), int(target[1])):
            raise AddressRefused
        return socket.socket(family, kind, protocol)

    def admits(self, host: str, port: int) -> bool:
        """Whether this port of this numeric address may be connected to."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        if any(address in network for network in self.allowed):
            return True
        return port in self.ports and _is_public(address)


EVERYWHERE = Gate((IPv4Network("0.0.0.0/0"), IPv6Network("::/0")))
"""For addresses that nobody but the operator names."""


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_4)
    if address.scope_id is not None or address not in UNICAST:
        return False
    return not any(address in network for network in SPECIAL_6)
