"""From the bytes of a request to the little of it that matters, checked and bounded.

The message itself is dropped at once: Envoy's first request on a stream is 60 kB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import DecodeError

from accredit.identity.errors import RequestError
from accredit.sds_server.nack_text import sanitise
from accredit.sds_server.node import Node, read_node
from accredit.sds_server.proto import core_pb2, discovery_pb2, status_pb2
from accredit.sds_server.settings import SdsSettings
from accredit.sds_server.wire import SECRET_TYPE

_MAX_NONCE_CHARS = 64
_MAX_VERSION_CHARS = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A state-of-the-world request. ``error`` is Envoy's refusal, ``node`` absent if not sent."""

    names: tuple[str, ...] = ()
    version: str = ""
    nonce: str = ""
    error: str | None = None
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """A delta request; ``versions`` is what a client that reconnects still holds."""

    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    nonce: str = ""
    error: str | None = None
    node: Node | None = None


_M = TypeVar("_M", discovery_pb2.DiscoveryRequest, discovery_pb2.DeltaDiscoveryRequest)


@dataclass(frozen=True, slots=True)
class Decoder:
    """Reads requests within the bounds of the settings; raises RequestError only."""

    settings: SdsSettings

    def request(self, data: bytes) -> Request:
        """Read a DiscoveryRequest."""
        message = _parse(discovery_pb2.DiscoveryRequest.FromString, data)
        _check(message.type_url, message.response_nonce)
        return Request(
            self._names(message.resource_names),
            message.version_info[:_MAX_VERSION_CHARS],
            message.response_nonce,
            _error(message.error_detail) if message.HasField("error_detail") else None,
            _node(message.node) if message.HasField("node") else None,
        )

    def delta_request(self, data: bytes) -> DeltaRequest:
        """Read a DeltaDiscoveryRequest."""
        message = _parse(discovery_pb2.DeltaDiscoveryRequest.FromString, data)
        _check(message.type_url, message.response_nonce)
        versions = message.initial_resource_versions
        self._names(versions)
        return DeltaRequest(
            self._names(message.resource_names_subscribe),
            self._names(message.resource_names_unsubscribe),
            {name: version[:_MAX_VERSION_CHARS] for name, version in versions.items()},
            message.response_nonce,
            _error(message.error_detail) if message.HasField("error_detail") else None,
            _node(message.node) if message.HasField("node") else None,
        )

    def _names(self, names: Iterable[str]) -> tuple[str, ...]:
        # An empty name asks for nothing; SPIRE drops it too.
        distinct = tuple(dict.fromkeys(name for name in names if name))
        if len(distinct) > self.settings.max_names:
            raise RequestError(f"more than {self.settings.max_names} resource names")
        if any(len(name.encode()) > self.settings.max_name_bytes for name in distinct):
            raise RequestError(
                f"a resource name is longer than {self.settings.max_name_bytes} bytes"
            )
        return distinct


def _parse(parse: Callable[[bytes], _M], data: bytes) -> _M:
    try:
        return parse(data)
    except DecodeError:
        raise RequestError("not a discovery request") from None


def _check(type_url: str, nonce: str) -> None:
    # The service implies the type, so a client may leave it out.
    if type_url not in {"", SECRET_TYPE}:
        raise RequestError(f"type_url {type_url[:200]!r} is not served here, only {SECRET_TYPE}")
    if len(nonce) > _MAX_NONCE_CHARS:
        raise RequestError("the nonce is not one of ours")


def _error(status: status_pb2.Status) -> str:
    return sanitise(status.message) or f"code {status.code}"


def _node(message: core_pb2.Node) -> Node:
    return read_node(message)
