"""A bootstrap as rules see it: filter chains, clusters, TLS contexts, secrets and their sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from accredit.envoy.lint.place import Place, messages, walk
from accredit.envoy.lint.tls import Tls

_DOWNSTREAM = ("DownstreamTlsContext", "QuicDownstreamTransport")


@dataclass(frozen=True)
class Chain:
    """A filter chain, the default one included, and the listener it belongs to."""

    listener: Place
    place: Place
    tls: Tls

    @cached_property
    def managers(self) -> list[Place]:
        """Its HttpConnectionManagers."""
        return list(messages(self.place.get("filters"), "HttpConnectionManager"))

    @cached_property
    def proxies(self) -> list[Place]:
        """Its TcpProxies."""
        return list(messages(self.place.get("filters"), "TcpProxy"))

    @cached_property
    def rbacs(self) -> list[Place]:
        """Its RBAC filters, of HTTP and of the network."""
        return list(messages(self.place.get("filters"), "RBAC"))

    @property
    def is_plain(self) -> bool:
        """Whether it takes plain text; a transport socket of a kind not known here is not plain."""
        socket = self.place.get("transport_socket")
        raw = any(True for _ in messages(socket, "RawBuffer"))
        return not socket or raw or socket.get("name").text.endswith("raw_buffer")

    @property
    def is_mutual(self) -> bool:
        """Whether it asks peers for certificates and verifies them."""
        return bool(self.tls) and self.tls.is_validating


@dataclass(frozen=True)
class Upstream:
    """A TLS context towards others, and its cluster."""

    cluster: Place
    tls: Tls


@dataclass(frozen=True)
class Source:
    """A ConfigSource of secrets, and the name of the secret that it brings."""

    place: Place
    name: str

    @property
    def api(self) -> Place:
        """Its ApiConfigSource."""
        return self.place.get("api_config_source")

    @property
    def services(self) -> list[Place]:
        """The GrpcServices it asks."""
        return self.api.get("grpc_services").items()

    @property
    def clusters(self) -> list[Place]:
        """The names of the clusters it asks through."""
        found = (service.get("envoy_grpc", "cluster_name") for service in self.services)
        return [name for name in found if name]


class Bootstrap:
    """What the rules look at. Everything is found once."""

    def __init__(self, root: Place) -> None:
        self.root = root

    @cached_property
    def secrets(self) -> dict[str, Place]:
        """The static secrets by name."""
        listed = self.root.get("static_resources", "secrets").items()
        return {each.get("name").text: each for each in listed}

    @cached_property
    def listeners(self) -> list[Place]:
        """The static listeners."""
        return self.root.get("static_resources", "listeners").items()

    @cached_property
    def clusters(self) -> dict[str, Place]:
        """The static clusters by name."""
        listed = self.root.get("static_resources", "clusters").items()
        return {each.get("name").text: each for each in listed}

    @cached_property
    def chains(self) -> list[Chain]:
        """Every filter chain of every listener."""
        return [
            Chain(listener, place, self._downstream(place))
            for listener in self.listeners
            for place in (
                *listener.get("filter_chains").items(),
                *listener.get("default_filter_chain").items(),
            )
        ]

    def _downstream(self, chain: Place) -> Tls:
        socket = chain.get("transport_socket")
        for found in messages(socket, *_DOWNSTREAM):
            inner = found.get("downstream_tls_context")
            return Tls(inner or found, self.secrets)
        return Tls(Place(None, (*socket.path, "typed_config"), socket.line), self.secrets)

    @cached_property
    def upstreams(self) -> list[Upstream]:
        """Every TLS context of every cluster."""
        return [
            Upstream(cluster, Tls(context, self.secrets))
            for cluster in self.clusters.values()
            for context in messages(cluster, "UpstreamTlsContext")
        ]

    @property
    def contexts(self) -> list[Tls]:
        """Every TLS context, of both directions."""
        return [c.tls for c in self.chains if c.tls] + [u.tls for u in self.upstreams]

    @cached_property
    def validation_contexts(self) -> list[Place]:
        """Every CertificateValidationContext of the file, each once."""
        found = [context for tls in self.contexts for context in tls.contexts]
        found += [each.get("validation_context") for each in self.secrets.values()]
        return list({each.path: each for each in found if each.node is not None}.values())

    @cached_property
    def certificates(self) -> list[Place]:
        """Every TlsCertificate of the file."""
        found = [each for tls in self.contexts for each in _certificates(tls)]
        found += [each.get("tls_certificate") for each in self.secrets.values()]
        return [each for each in found if each]

    @cached_property
    def sources(self) -> list[Source]:
        """Every ConfigSource that brings secrets, wherever it is named."""
        return list(_sources(self.root))

    @cached_property
    def sds_clusters(self) -> list[Place]:
        """The static clusters that secrets come through."""
        names = {name.text for source in self.sources for name in source.clusters}
        return [cluster for name, cluster in self.clusters.items() if name in names]

    @property
    def has_identity(self) -> bool:
        """Whether it takes part in mutual TLS anywhere."""
        return any(tls.wants_validation for tls in self.contexts)


def _certificates(tls: Tls) -> list[Place]:
    return tls.common.get("tls_certificates").items()


def _sources(root: Place) -> Iterator[Source]:
    for here in walk(root):
        if here.has("sds_config") and here.get("sds_config"):
            yield Source(here.get("sds_config"), here.get("name").text)
        elif here.has("certificate_mapper") and here.get("config_source"):
            yield Source(here.get("config_source"), "")
