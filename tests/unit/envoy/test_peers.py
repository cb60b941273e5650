from __future__ import annotations

from typing import Any

import pytest

from accredit.envoy.peers import ANYBODY, Peer, Rule, parse_peer, trust_domains, whole
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_OWN = TrustDomain("own.example")
_PARTNER = TrustDomain("partner.example")


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("/web", Peer(_OWN, "/web")),
        ("/ns/web/*", Peer(_OWN, "/ns/web", below=True)),
        ("/*", Peer(_OWN, below=True)),
        ("spiffe://partner.example/web", Peer(_PARTNER, "/web")),
        ("SPIFFE://partner.example/*", Peer(_PARTNER, below=True)),
        (ANYBODY, Peer(None, below=True)),
    ],
)
def test_a_peer_is_an_id_or_all_below_one_or_in_words_everybody(text: str, peer: Peer) -> None:
    assert parse_peer(text, _OWN) == peer
    assert parse_peer(str(peer), _OWN) == peer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("*", "would be everybody; if that is meant, write 'any identity of any trust domain'"),
        ("spiffe://*", "would be everybody"),
        ("ALL", "would be everybody"),
        ("spiffe://own.example", r"for all of its workloads write 'spiffe://own.example/\*'"),
        ("spiffe://own.example/*/web", "only a last '/\\*' stands for all"),
        ("spiffe://*.example/web", "only a last '/\\*' stands for all"),
        ("/web*", "only a last '/\\*' stands for all"),
        ("spiffe://own.example/web/", "trailing slash"),
        ("spiffe://own.example/../web", "bad path segment"),
        ("spiffe://Own.example/web", "lowercase"),
        ("https://own.example/web", "scheme is not spiffe://"),
        ("", "scheme is not spiffe://"),
        ("/" + "a" * 3000, "longer than 2048 bytes"),
    ],
)
def test_what_is_no_peer_is_refused_with_what_was_expected(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_peer(text, _OWN)
    assert len(str(caught.value)) < 300


def test_a_path_alone_needs_a_trust_domain() -> None:
    with pytest.raises(ValueError, match="set 'trust_domain', or write the whole SPIFFE ID"):
        whole("/web", None)


@pytest.mark.parametrize(
    "fields",
    [
        (None, "", False),
        (None, "/web", True),
        (_OWN, "", False),
        (_OWN, "web", False),
        (_OWN, "/web/", True),
    ],
)
def test_a_peer_that_would_be_nobody_or_more_than_it_says_cannot_be_made(fields: Any) -> None:
    with pytest.raises(ValueError, match=r"peer is one workload|needs a trust domain|SPIFFE ID"):
        Peer(*fields)


def test_what_a_peers_ids_begin_with_ends_with_a_slash_unless_it_is_one_id() -> None:
    assert Peer.exactly(SpiffeId(_OWN, "/web")).text == "spiffe://own.example/web"
    assert Peer(_OWN, "/web", below=True).text == "spiffe://own.example/web/"
    assert Peer(_OWN, below=True).text == "spiffe://own.example/"
    assert Peer(None, below=True).text == "spiffe://"
    exact = [Peer(_OWN, "/web").is_exact, Peer(_OWN, below=True).is_exact]
    assert exact == [True, False]


@pytest.mark.parametrize(
    ("peer", "around"),
    [
        (Peer(_OWN, "/a/b"), ["spiffe://own.example/a/b", "spiffe://own.example/a/*"]),
        (
            Peer(_OWN, "/a/b", below=True),
            ["spiffe://own.example/a/b/*", "spiffe://own.example/a/*"],
        ),
        (Peer(_OWN, "/a"), ["spiffe://own.example/a"]),
    ],
)
def test_a_peer_knows_every_wider_one(peer: Peer, around: list[str]) -> None:
    assert [str(each) for each in peer.around()] == [*around, "spiffe://own.example/*", ANYBODY]


def test_everybody_is_nobodys_part() -> None:
    assert set(Peer(None, below=True).around()) == {Peer(None, below=True)}


def test_a_rule_is_limited_by_methods_or_by_paths() -> None:
    peers = (Peer(_OWN, "/web"),)
    limited = [Rule(peers), Rule(peers, ("GET",)), Rule(peers, paths=("/",))]
    assert [each.is_limited for each in limited] == [False, True, True]


def test_everybody_names_no_trust_domain() -> None:
    peers = [Peer(_OWN, "/web"), Peer(_PARTNER, below=True), Peer(None, below=True)]
    assert trust_domains(peers) == {_OWN, _PARTNER}
