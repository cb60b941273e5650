from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.sidecar_sample import INBOUND, PARTNER, SIDECAR, WEB

from accredit.envoy.peers import Rule
from accredit.envoy.sidecar import Protocol
from accredit.identity.spiffe_id import TrustDomain


def test_only_connections_of_no_http_have_no_requests() -> None:
    assert [each for each in Protocol if not each.is_http] == [Protocol.TCP]


def test_its_identity_is_the_one_it_names_or_its_default() -> None:
    assert SIDECAR.identity == "spiffe://td.example/shop"
    assert replace(SIDECAR, spiffe_id=None).identity == "default"


@pytest.mark.parametrize(
    ("own", "lifetime"),
    [(None, timedelta(minutes=10)), (timedelta(seconds=7), timedelta(seconds=7))],
)
def test_connections_live_for_half_of_an_svid_unless_it_is_said(
    own: timedelta | None, lifetime: timedelta
) -> None:
    ttl = timedelta(minutes=20)
    assert replace(SIDECAR, svid_ttl=ttl, connection_lifetime=own).lifetime == lifetime


def test_the_peers_of_an_inbound_are_those_of_all_its_rules_each_once() -> None:
    rules = (Rule((WEB, PARTNER)), Rule((WEB,), ("GET",)))
    assert replace(INBOUND, allow=rules).peers == (WEB, PARTNER)


def test_it_knows_the_trust_domains_of_everybody_it_names() -> None:
    inbound = replace(INBOUND, allow=(Rule((PARTNER,)),))
    assert replace(SIDECAR, inbound=(inbound,)).trust_domains() == {
        TrustDomain("td.example"),
        TrustDomain("partner.example"),
    }
