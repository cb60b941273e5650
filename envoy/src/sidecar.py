"""What one sidecar does, in the words of its operator. Values only, valid by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from accredit.envoy.address import Address, Destination, Endpoint
from accredit.envoy.peers import Peer, Rule, trust_domains
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

__all__ = ["Address", "Destination", "Endpoint", "Peer", "Rule", "Sidecar"]


class Protocol(Enum):
    """What the app speaks; ``HTTP2`` and ``GRPC`` are HTTP/2 without an upgrade."""

    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"
    TCP = "tcp"

    @property
    def is_http(self) -> bool:
        """Whether requests can be told apart, and not only connections."""
        return self is not Protocol.TCP


class TlsVersion(Enum):
    """The oldest TLS to accept; older than 1.3 only for peers that know no better."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class Profile(Enum):
    """Whose SDS the sidecar asks."""

    ACCREDIT = "accredit"
    SPIRE = "spire"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Active checks of each address: ``path`` for HTTP, a connection where it is empty."""

    path: str = ""
    interval: timedelta = timedelta(seconds=5)
    timeout: timedelta = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Probe:
    """A plain listener that passes GET of ``paths`` on to the app, and nothing else."""

    listen: Endpoint
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JwtDemand:
    """Requests need a JWT-SVID for one of ``audiences``, with a subject in ``subjects``.

    ``jwks`` is the unix socket that serves the keys. ``forward`` leaves the token in the request
    that the app sees.
    """

    audiences: tuple[str, ...]
    subjects: tuple[Peer, ...]
    jwks: str
    forward: bool = False


@dataclass(frozen=True, slots=True)
class Inbound:
    """Mutual TLS on ``listen``, plain to ``app``, for the callers that ``allow`` names only.

    With ``until`` plaintext is served on the same port as well, up to and including that day.
    """

    listen: Endpoint
    app: Address
    allow: tuple[Rule, ...]
    protocol: Protocol = Protocol.HTTP
    until: date | None = None
    jwt: JwtDemand | None = None
    health_check: HealthCheck | None = None
    probe: Probe | None = None
    timeout: timedelta = timedelta(0)
    min_tls: TlsVersion = TlsVersion.TLS_1_3

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Everybody whom some rule allows something."""
        return tuple(dict.fromkeys(peer for rule in self.allow for peer in rule.peers))


@dataclass(frozen=True, slots=True)
class Outbound:
    """Plain on ``listen``, mutual TLS to ``to``, which must be one of ``expect``.

    ``intercept`` are destinations that the app itself connects to and that a redirect brings here.
    Without ``to`` the connection goes on to where the app meant it to, to ``port`` if that is set.
    ``jwt`` is the audience of the JWT-SVID to send along. A ``timeout`` of 0 is none.
    """

    expect: tuple[Peer, ...]
    listen: Endpoint | None = None
    to: tuple[Endpoint, ...] = ()
    intercept: tuple[Destination, ...] = ()
    port: int = 0
    protocol: Protocol = Protocol.HTTP
    jwt: str = ""
    timeout: timedelta = timedelta(0)
    retries: int = 2
    health_check: HealthCheck | None = None
    min_tls: TlsVersion = TlsVersion.TLS_1_3

    @property
    def to_original(self) -> bool:
        """Whether it leads to wherever the app meant to connect."""
        return not self.to


@dataclass(frozen=True, slots=True)
class Redirect:
    """Which programs' connections are steered into the sidecar, and where it takes them.

    ``users`` are names or uids, ``cgroups`` paths below the cgroup v2 root. What no outbound
    intercepts passes unchanged, or with ``refuse`` is closed.
    """

    listen: tuple[Endpoint, ...]
    users: tuple[str, ...] = ()
    cgroups: tuple[str, ...] = ()
    refuse: bool = False


@dataclass(frozen=True, slots=True)
class Sidecar:
    """One Envoy beside one app.

    ``spiffe_id`` chooses among the identities that the agent gives the sidecar; None is its
    default. ``socket`` is the agent's. ``admin_socket`` is made with mode 0600. ``svid_ttl`` is the
    life of its X.509-SVIDs: connections live for half of it, so that an identity that was rotated
    or withdrawn does not live on in them, unless ``connection_lifetime`` says otherwise.
    ``access_log`` is a path; empty is standard output. ``log_fields`` are further fields of the
    access log, name to Envoy's command operator.
    """

    name: str
    socket: str
    admin_socket: str
    spiffe_id: SpiffeId | None = None
    inbound: tuple[Inbound, ...] = ()
    outbound: tuple[Outbound, ...] = ()
    redirect: Redirect | None = None
    profile: Profile = Profile.ACCREDIT
    delta: bool = True
    svid_ttl: timedelta = timedelta(hours=1)
    connection_lifetime: timedelta | None = None
    access_log: str = ""
    log_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The SDS name of its certificate."""
        return str(self.spiffe_id) if self.spiffe_id else "default"

    @property
    def lifetime(self) -> timedelta:
        """How long a connection may live."""
        return self.connection_lifetime or self.svid_ttl / 2

    def trust_domains(self) -> frozenset[TrustDomain]:
        """Return every trust domain it names."""
        peers = [peer for each in self.inbound for peer in each.peers]
        peers += [peer for each in self.outbound for peer in each.expect]
        return trust_domains(peers)
