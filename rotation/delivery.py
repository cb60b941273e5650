"""The seam between a delivery and whatever carries its messages.

A delivery is a :class:`Service`: methods that are plain async generators over decoded requests
and yield serialised responses. The transport that the agent installs calls them and turns an
``AccreditError`` into the status it names. Nothing here knows grpc.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from accredit.attestation.workload import Workload


class Shape(Enum):
    """How many messages go each way."""

    UNARY = "unary"
    SERVER_STREAM = "server_stream"
    BIDI = "bidi"


@dataclass(frozen=True, slots=True)
class Call:
    """One request's surroundings: who calls, over which connection, with which metadata.

    ``workload`` is the same object for every call of one connection. Metadata keys are lower case.
    """

    workload: Workload
    metadata: Mapping[str, tuple[str, ...]]


Handler = Callable[[AsyncIterator[Any], Call], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Method:
    """One method: ``handler(requests, call)`` yields the serialised responses.

    ``requests`` yields one message for UNARY and SERVER_STREAM, then ends. A UNARY handler yields
    exactly once. ``decode`` turns bytes into a message and raises ``RequestError`` or any
    protobuf ``DecodeError`` for what it cannot read.
    """

    name: str
    shape: Shape
    decode: Callable[[bytes], Any]
    handler: Handler


class Service(Protocol):
    """A gRPC service by its full name, such as ``SpiffeWorkloadAPI``."""

    @property
    def name(self) -> str:
        """The full service name, as in the method path."""
        ...

    @property
    def methods(self) -> tuple[Method, ...]:
        """Every method it answers; others are unimplemented."""
        ...
