from __future__ import annotations

from dataclasses import replace

import pytest
from support.sidecar_documents import surroundings

from accredit.envoy.file.context import Context, usable
from accredit.envoy.peers import Peer
from accredit.envoy.sidecar import Profile
from accredit.identity.spiffe_id import TrustDomain

_OWN = TrustDomain("own.example")
_CONTEXT = Context(surroundings(Profile.ACCREDIT), _OWN, "/run/accredit/public/api.sock")


def test_a_peer_may_be_a_path_of_the_own_trust_domain() -> None:
    assert _CONTEXT.peer("/web") == Peer(_OWN, "/web")


@pytest.mark.parametrize(
    ("socket", "profile", "jwks"),
    [
        ("/run/a/api.sock", Profile.ACCREDIT, "/run/a/jwks.sock"),
        ("/run/a/api.sock", Profile.SPIRE, ""),
        ("", Profile.ACCREDIT, ""),
        ("/" + "a" * 100 + "/x", Profile.ACCREDIT, ""),
    ],
    ids=["beside the agent's", "SPIRE has none", "no agent", "too long"],
)
def test_keys_are_served_beside_the_agents_socket(socket: str, profile: Profile, jwks: str) -> None:
    assert replace(_CONTEXT, at=surroundings(profile), socket=socket).jwks == jwks


def test_a_socket_that_cannot_be_is_none() -> None:
    assert usable("/run/a.sock") == "/run/a.sock"
    assert usable("") == usable("a") == usable("/" + "a" * 107) == ""
