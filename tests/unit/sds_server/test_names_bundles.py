"""Names of validation contexts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.sds_names import API, CA, EMPTY, FOREIGN, OWN, PARTNER, WEB, meaning
from support.snapshots import snapshot

from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.sds_server.names import Parked, Roots
from accredit.sds_server.node import Node
from accredit.sds_server.settings import Withdrawn


@pytest.mark.parametrize(
    ("name", "domains"),
    [
        ("spiffe://prod.example", (OWN,)),
        ("ROOTCA", (OWN,)),
        ("spiffe://partner.example", (FOREIGN,)),
        ("ALL", (OWN, FOREIGN)),
    ],
)
def test_a_validation_context_is_named_by_trust_domain_or_alias(
    name: str, domains: tuple[TrustDomain, ...]
) -> None:
    assert meaning(name) == Roots(domains, plain=False)


def test_a_trust_domain_that_nobody_federates_with_is_revoked_from_who_holds_it() -> None:
    assert meaning("spiffe://other.example") == Parked(
        "no entry of the caller federates with other.example", revoked=True
    )


@pytest.mark.rows("FC-33")
def test_a_federated_bundle_that_is_not_there_is_revoked_from_who_holds_it() -> None:
    assert meaning("spiffe://partner.example", snapshot(CA, API)) == Parked(
        "the bundle of partner.example is not known", granted=True, revoked=True
    )


@pytest.mark.rows("BP-09")
@pytest.mark.parametrize(
    "name", ["spiffe://partner.example", "spiffe://partner.example,spiffe://x"]
)
def test_a_federated_bundle_without_a_root_is_revoked_from_who_holds_it(name: str) -> None:
    full = snapshot(CA, API, partners=[PARTNER])
    empty = TrustBundle(FOREIGN, (), PARTNER.bundle().jwt_authorities)
    assert meaning(name, replace(full, bundles={**full.bundles, FOREIGN: empty})) == Parked(
        "the bundle of partner.example has no X.509 authority", granted=True, revoked=True
    )


@pytest.mark.parametrize("name", ["ROOTCA", "ALL", "spiffe://prod.example"])
def test_bundles_need_an_identity_unless_anyone_may_verify(name: str) -> None:
    assert meaning(name, EMPTY) == Parked("no registration entry matches the caller")
    assert meaning(name, EMPTY, allow_unauthenticated_verifiers=True) == Roots((OWN,), plain=False)


@pytest.mark.parametrize("name", ["ROOTCA", "ALL", "spiffe://prod.example"])
def test_an_identity_whose_svid_is_late_is_enough_for_bundles(name: str) -> None:
    assert meaning(name, snapshot(CA, pending=[WEB])) == Roots((OWN,), plain=False)


def test_federated_bundles_are_nobodys_without_an_entry() -> None:
    answer = meaning("spiffe://partner.example", EMPTY)
    assert answer == Parked("no registration entry matches the caller")


def test_cut_revokes_bundles_from_who_lost_every_identity() -> None:
    for name in ("ROOTCA", "ALL", "spiffe://prod.example", "spiffe://partner.example"):
        answer = meaning(name, EMPTY, withdrawn=Withdrawn.CUT)
        assert answer == Parked("no registration entry matches the caller", revoked=True)


@pytest.mark.parametrize(
    ("setting", "wish", "plain"),
    [
        (False, None, False),
        (True, None, True),
        (False, True, True),
        (True, False, False),
    ],
)
def test_plain_validation_is_a_setting_and_node_metadata_wins(
    *, setting: bool, wish: bool | None, plain: bool
) -> None:
    node = Node(plain_validation=wish)
    answer = meaning("ROOTCA", node=node, disable_spiffe_cert_validation=setting)
    assert answer == Roots((OWN,), plain=plain)


def test_plain_validation_never_pools_trust_domains() -> None:
    answer = meaning("ALL", disable_spiffe_cert_validation=True)
    assert isinstance(answer, Parked)
    assert "would let every federated trust domain speak for every other" in answer.reason
    assert answer.granted
    alone = meaning("ALL", snapshot(CA, WEB), disable_spiffe_cert_validation=True)
    assert alone == Roots((OWN,), plain=True)
    assert meaning("spiffe://partner.example", node=Node(plain_validation=True)) == Roots(
        (FOREIGN,), plain=True
    )
