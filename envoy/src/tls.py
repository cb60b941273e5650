"""The two ends of mutual TLS, between SVIDs of the agent's."""

from __future__ import annotations

from envoy_data_plane.envoy.config.core.v3 import TransportSocket
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    CommonTlsContextCombinedCertificateValidationContext,
    DownstreamTlsContext,
    TlsParameters,
    TlsParametersTlsProtocol,
    UpstreamTlsContext,
)

from accredit.envoy import matchers, typed
from accredit.envoy.peers import Peer
from accredit.envoy.secret_discovery import bundles, secret
from accredit.envoy.sidecar import Inbound, Outbound, Protocol, Sidecar, TlsVersion

_ALPN = {
    Protocol.HTTP: ["h2", "http/1.1"],
    Protocol.HTTP2: ["h2"],
    Protocol.GRPC: ["h2"],
    Protocol.TCP: [],
}
_MINIMUM = {
    TlsVersion.TLS_1_2: TlsParametersTlsProtocol.TLSv1_2,
    TlsVersion.TLS_1_3: TlsParametersTlsProtocol.TLSv1_3,
}


def downstream(sidecar: Sidecar, spec: Inbound) -> TransportSocket:
    """Return the server side, for the callers that ``spec`` allows something.

    Raises:
        ValueError: it allows nobody.
    """
    # A resumed session skips the check of the client's SVID, even of one that has expired.
    context = DownstreamTlsContext(
        common_tls_context=_common(sidecar, spec.peers, spec.protocol, spec.min_tls),
        require_client_certificate=True,
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
    return typed.tls_socket(context)


def upstream(sidecar: Sidecar, spec: Outbound) -> TransportSocket:
    """Return the client side, towards the servers that ``spec`` expects.

    Raises:
        ValueError: it expects nobody.
    """
    context = UpstreamTlsContext(
        common_tls_context=_common(sidecar, spec.expect, spec.protocol, spec.min_tls),
        max_session_keys=0,
    )
    return typed.tls_socket(context)


def _common(
    sidecar: Sidecar, peers: tuple[Peer, ...], protocol: Protocol, minimum: TlsVersion
) -> CommonTlsContext:
    if not peers:
        # Envoy reads an empty list as "anyone the bundle verifies".
        raise ValueError("a TLS context needs at least one SPIFFE ID to accept")
    # Envoy's upstream default ends at TLS 1.2, and would never meet a server that begins at 1.3.
    versions = TlsParameters(
        tls_minimum_protocol_version=_MINIMUM[minimum],
        tls_maximum_protocol_version=TlsParametersTlsProtocol.TLSv1_3,
    )
    validation = CommonTlsContextCombinedCertificateValidationContext(
        default_validation_context=CertificateValidationContext(
            match_typed_subject_alt_names=[matchers.san(peer) for peer in peers]
        ),
        validation_context_sds_secret_config=secret(sidecar, bundles(sidecar, peers)),
    )
    return CommonTlsContext(
        tls_params=versions,
        alpn_protocols=_ALPN[protocol],
        tls_certificate_sds_secret_configs=[secret(sidecar, sidecar.identity)],
        combined_validation_context=validation,
    )
