from __future__ import annotations

import pytest

from accredit.envoy import matchers
from accredit.envoy.peers import Peer
from accredit.identity.spiffe_id import TrustDomain

_OWN = TrustDomain("own.example")


@pytest.mark.parametrize(
    ("peer", "matcher"),
    [
        (Peer(_OWN, "/web"), {"exact": "spiffe://own.example/web"}),
        (Peer(_OWN, "/web", below=True), {"prefix": "spiffe://own.example/web/"}),
        (Peer(_OWN, below=True), {"prefix": "spiffe://own.example/"}),
        (Peer(None, below=True), {"prefix": "spiffe://"}),
    ],
)
def test_a_peer_is_matched_exactly_or_by_a_prefix_that_nobody_else_has(
    peer: Peer, matcher: dict[str, str]
) -> None:
    assert matchers.text(peer).to_dict() == matcher
    assert matchers.san(peer).to_dict() == {"sanType": "URI", "matcher": matcher}
