"""Envoy's extensions: a name and a typed configuration."""

from __future__ import annotations

import betterproto2
from envoy_data_plane.envoy.config.core.v3 import Address as CoreAddress
from envoy_data_plane.envoy.config.core.v3 import Pipe as CorePipe
from envoy_data_plane.envoy.config.core.v3 import (
    SocketAddress,
    TransportSocket,
    TypedExtensionConfig,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, ListenerFilter
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.google.protobuf import Any

from accredit.envoy.address import Address, Endpoint, Pipe


def extension(name: str, message: betterproto2.Message) -> TypedExtensionConfig:
    """Return ``message`` as the configuration of extension ``name``."""
    return TypedExtensionConfig(name=name, typed_config=Any.pack(message))


def network_filter(name: str, message: betterproto2.Message) -> Filter:
    """Return a filter of a filter chain."""
    return Filter(name=f"envoy.filters.network.{name}", typed_config=Any.pack(message))


def http_filter(name: str, message: betterproto2.Message) -> HttpFilter:
    """Return a filter of requests."""
    return HttpFilter(name=f"envoy.filters.http.{name}", typed_config=Any.pack(message))


def listener_filter(name: str, message: betterproto2.Message) -> ListenerFilter:
    """Return a filter of accepted connections."""
    return ListenerFilter(name=f"envoy.filters.listener.{name}", typed_config=Any.pack(message))


def tls_socket(context: betterproto2.Message) -> TransportSocket:
    """Return the transport socket that speaks TLS in ``context``."""
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def address(of: Address) -> CoreAddress:
    """Return an address as Envoy writes it."""
    if isinstance(of, Pipe):
        return CoreAddress(pipe=CorePipe(path=of.path))
    return CoreAddress(socket_address=SocketAddress(address=of.host, port_value=of.port))


def listening(at: Endpoint) -> CoreAddress:
    """Return an address to listen on; ``[::]`` takes IPv4 as well, as everywhere on Linux."""
    where = SocketAddress(address=at.host, port_value=at.port, ipv4_compat=at.host == "::")
    return CoreAddress(socket_address=where)
