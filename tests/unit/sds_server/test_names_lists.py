"""Names that list trust domains."""

from __future__ import annotations

import pytest
from support.ca import TestCa
from support.entries import entry
from support.sds_names import API, CA, EMPTY, FOREIGN, OWN, PARTNER, WEB, meaning
from support.snapshots import snapshot

from accredit.identity.spiffe_id import TrustDomain
from accredit.sds_server.names import Never, Parked, Roots
from accredit.sds_server.node import Node
from accredit.sds_server.settings import Withdrawn

LIST = "spiffe://partner.example,spiffe://prod.example"


def test_a_list_of_trust_domains_gives_one_context_of_exactly_those() -> None:
    third = entry("/db", federates_with=("third.example",))
    state = snapshot(CA, API, third, partners=[PARTNER, TestCa("third.example")])
    assert meaning(LIST, state) == Roots((FOREIGN, OWN), plain=False)
    assert meaning("spiffe://partner.example,spiffe://third.example", state) == Roots(
        (FOREIGN, TrustDomain("third.example")), plain=False
    )


def test_a_list_leaves_out_what_the_caller_may_not_have_and_takes_it_in_when_it_may() -> None:
    assert meaning(LIST, snapshot(CA, WEB)) == Roots((OWN,), plain=False)
    assert meaning(LIST, snapshot(CA, API)) == Roots((OWN,), plain=False)
    assert meaning(LIST) == Roots((FOREIGN, OWN), plain=False)


def test_a_list_of_which_nothing_is_left_is_as_a_single_one() -> None:
    assert meaning("spiffe://other.example,spiffe://third.example") == Parked(
        "no entry of the caller federates with other.example", revoked=True
    )
    both = entry("/api", federates_with=("partner.example", "third.example"))
    assert meaning("spiffe://partner.example,spiffe://third.example", snapshot(CA, both)) == Parked(
        "the bundle of partner.example is not known", granted=True, revoked=True
    )


@pytest.mark.parametrize("withdrawn", Withdrawn)
def test_a_list_needs_an_identity_like_a_single_one(withdrawn: Withdrawn) -> None:
    single = meaning("spiffe://prod.example", EMPTY, withdrawn=withdrawn)
    assert meaning(LIST, EMPTY, withdrawn=withdrawn) == single
    assert meaning(LIST, EMPTY, allow_unauthenticated_verifiers=True) == Roots((OWN,), plain=False)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("spiffe://prod.example,spiffe://prod.example", "names one of them twice"),
        ("spiffe://prod.example,SPIFFE://prod.example", "names one of them twice"),
        ("spiffe://prod.example,", "no list of trust domain IDs: ''"),
        (",", "no list of trust domain IDs: ''"),
        ("spiffe://prod.example,partner.example", "scheme is not spiffe://"),
        ("spiffe://prod.example, spiffe://partner.example", "scheme is not spiffe://"),
        ("spiffe://prod.example,spiffe://prod.example/api", "a trust domain's ID has no path"),
        ("spiffe://prod.example,spiffe://Partner.example", "not lowercase"),
        ("ROOTCA,spiffe://partner.example", "scheme is not spiffe://"),
        ("file-cert:/a,b", "scheme is not spiffe://"),
    ],
)
def test_a_list_that_is_none_can_never_be_valid(name: str, reason: str) -> None:
    answer = meaning(name)
    assert isinstance(answer, Never)
    assert reason in answer.reason


def test_plain_validation_never_pools_a_list_either() -> None:
    plain = Node(plain_validation=True)
    answer = meaning(LIST, node=plain)
    assert isinstance(answer, Parked)
    assert "would let every federated trust domain speak for every other" in answer.reason
    assert meaning(LIST, snapshot(CA, WEB), plain) == Roots((OWN,), plain=True)
