"""Who reaches what an Envoy listens on."""

from __future__ import annotations

import ipaddress

from accredit.envoy.lint.place import Place


def addresses(listener: Place) -> list[Place]:
    """Return the addresses a listener listens on."""
    more = listener.get("additional_addresses").items()
    return [listener.get("address"), *(each.get("address") for each in more)]


def is_local(address: Place) -> bool:
    """Whether nobody from outside this machine reaches an Address."""
    host = address.get("socket_address", "address").text
    if not host:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def is_exposed(listener: Place) -> bool:
    """Whether others than programs of this machine reach a listener."""
    if listener.get("bind_to_port").is_false:
        return False
    return not all(is_local(address) for address in addresses(listener))
