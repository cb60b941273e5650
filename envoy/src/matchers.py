"""SPIFFE IDs as Envoy matches them."""

from __future__ import annotations

from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from accredit.envoy.peers import Peer


def text(peer: Peer) -> StringMatcher:
    """Return what matches the IDs of ``peer`` and no others."""
    if peer.is_exact:
        return StringMatcher(exact=peer.text)
    # Ends with a slash, so that neither web-evil nor another trust domain begins like it.
    return StringMatcher(prefix=peer.text)


def san(peer: Peer) -> SubjectAltNameMatcher:
    """Return what matches certificates with a URI SAN of ``peer``, be it the only one or not."""
    return SubjectAltNameMatcher(san_type=SubjectAltNameMatcherSanType.URI, matcher=text(peer))
