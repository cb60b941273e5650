"""What one sidecar does, in the words of its operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from accredit.identity.spiffe_id import SpiffeId, TrustDomain


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address and a port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """Mutual TLS on ``listen``, plain HTTP to ``app``, for the callers in ``allow`` only."""

    listen: Endpoint
    app: Endpoint
    allow: tuple[SpiffeId, ...]


@dataclass(frozen=True, slots=True)
class Outbound:
    """Plain HTTP on ``listen``, mutual TLS to ``to``, which must be one of ``expect``."""

    listen: Endpoint
    to: Endpoint
    expect: tuple[SpiffeId, ...]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One Envoy beside one app.

    ``identity`` is the SDS name of its certificate: a SPIFFE ID, or ``default``. ``socket`` is the
    agent's. ``admin_socket`` is made with mode 0600. ``connection_lifetime`` bounds how long an
    identity that was rotated or withdrawn lives on in an open connection: half an SVID's life.
    ``delta`` asks by DELTA_GRPC, which SPIRE's agent does not offer. ``log_fields`` are further
    fields of the access log, name to Envoy's command operator.
    """

    name: str
    trust_domain: TrustDomain
    socket: str
    admin_socket: str
    identity: str = "default"
    inbound: tuple[Inbound, ...] = ()
    outbound: tuple[Outbound, ...] = ()
    connection_lifetime: timedelta = timedelta(minutes=30)
    delta: bool = False
    log_fields: Mapping[str, str] = field(default_factory=dict)
