from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ca import TestCa
from support.entries import entry
from support.snapshots import TRUST_DOMAIN, snapshot

from accredit.identity.bundle import TrustBundle
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.names import (
    BearerToken,
    Certificate,
    Meaning,
    Names,
    Never,
    Parked,
    Roots,
)
from accredit.sds_server.node import Node
from accredit.sds_server.settings import SdsSettings, Withdrawn

CA = TestCa(TRUST_DOMAIN)
PARTNER = TestCa("partner.example")
OWN, FOREIGN = TrustDomain(TRUST_DOMAIN), TrustDomain("partner.example")
API = entry("/api", hint="internal", order=1, federates_with=("partner.example",))
WEB = entry("/web", hint="public", order=2)
STATE = snapshot(CA, API, WEB, partners=[PARTNER])
EMPTY = snapshot(CA)


def meaning(
    name: str, state: Snapshot = STATE, node: Node | None = None, **settings: Any
) -> Meaning:
    return Names(state, node or Node(), SdsSettings(**settings)).meaning(name)


def path_of(answer: Meaning) -> str:
    assert isinstance(answer, Certificate)
    return answer.identity.spiffe_id.path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("spiffe://prod.example/api", "/api"),
        ("spiffe://prod.example/web", "/web"),
        ("default", "/api"),
        ("hint:internal", "/api"),
        ("hint:public", "/web"),
    ],
)
def test_a_certificate_is_named_by_id_by_default_and_by_hint(name: str, path: str) -> None:
    assert path_of(meaning(name)) == path


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


@pytest.mark.parametrize(
    "name",
    [
        "file-root:system",
        "file-cert:/etc/certs/cert-chain.pem~/etc/certs/key.pem",
        "kubernetes://secret",
        "ALL ",
        "all",
        "rootca",
        "hint:",
        "*",
        "spiffe://",
        "spiffe://prod.example/",
        "spiffe://Prod.example/api",
        "spiffe://prod.example/api?x=1",
        "https://prod.example/api",
    ],
)
def test_names_of_other_servers_and_garbage_can_never_be_valid(name: str) -> None:
    assert meaning(name) == Never(
        "neither a SPIFFE ID nor a name known here; perhaps of another SDS server"
    )


def test_a_certificate_of_another_trust_domain_can_never_be_had_here() -> None:
    assert meaning("spiffe://partner.example/api") == Never(
        "certificates are issued for prod.example only"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("spiffe://prod.example/db", "no entry gives the caller spiffe://prod.example/db"),
        ("hint:secret", "no entry of the caller has the hint 'secret'"),
    ],
)
def test_a_certificate_that_is_not_granted_is_parked(name: str, reason: str) -> None:
    assert meaning(name) == Parked(reason, certificate=True)


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


@pytest.mark.parametrize("name", ["spiffe://prod.example/api", "default", "hint:internal"])
def test_an_identity_that_cannot_be_signed_just_now_is_parked_as_granted(name: str) -> None:
    assert meaning(name, snapshot(CA, WEB, pending=[API])) == Parked(
        "nobody can sign it just now", certificate=True, granted=True
    )


def test_default_is_the_entry_marked_so_else_the_first_in_file_order() -> None:
    marked = entry("/web", default=True, order=2)
    also_marked = entry("/db", default=True, order=3)
    assert path_of(meaning("default", snapshot(CA, WEB, API))) == "/api"
    assert path_of(meaning("default", snapshot(CA, API, also_marked, marked))) == "/web"


def test_node_metadata_may_choose_another_default_among_the_callers_own() -> None:
    assert path_of(meaning("default", node=Node(hint="public"))) == "/web"
    assert path_of(meaning("spiffe://prod.example/api", node=Node(hint="public"))) == "/api"


def test_a_wish_for_a_hint_that_is_not_the_callers_gives_nothing_instead_of_another() -> None:
    assert meaning("default", node=Node(hint="admin")) == Parked(
        "no entry of the caller has the hint 'admin'", certificate=True
    )


def test_node_metadata_may_choose_the_default_by_its_spiffe_id() -> None:
    node = Node(spiffe_id="spiffe://prod.example/web")
    assert path_of(meaning("default", node=node)) == "/web"
    assert path_of(meaning("spiffe://prod.example/api", node=node)) == "/api"
    assert meaning("default", snapshot(CA, API, pending=[WEB]), node) == Parked(
        "nobody can sign it just now", certificate=True, granted=True
    )


@pytest.mark.parametrize(
    "wish",
    [
        "spiffe://prod.example/db",
        "spiffe://prod.example",
        "spiffe://partner.example/web",
        "spiffe://prod.example/web/",
        "/web",
        "x" * 3000,
    ],
)
def test_a_wish_for_a_spiffe_id_that_is_not_the_callers_gives_nothing(wish: str) -> None:
    assert meaning("default", node=Node(spiffe_id=wish)) == Parked(
        f"no entry of the caller has the SPIFFE ID {wish[:100]!r}", certificate=True
    )


def test_of_two_wishes_both_must_hold() -> None:
    web = "spiffe://prod.example/web"
    assert path_of(meaning("default", node=Node(hint="public", spiffe_id=web))) == "/web"
    assert meaning("default", node=Node(hint="internal", spiffe_id=web)) == Parked(
        f"no entry of the caller has the hint 'internal' and the SPIFFE ID '{web}'",
        certificate=True,
    )


def test_a_hint_that_an_older_entry_took_does_not_name_the_younger_one() -> None:
    state = Snapshot(
        OWN,
        (STATE.identities[0], type(STATE.identities[0])(WEB, STATE.identities[1].svid, "")),
        (),
        STATE.bundles,
    )
    assert meaning("hint:public", state) == Parked(
        "no entry of the caller has the hint 'public'", certificate=True
    )


@pytest.mark.parametrize("name", ["default", "spiffe://prod.example/api", "hint:internal"])
def test_without_an_entry_there_is_no_certificate(name: str) -> None:
    answer = meaning(name, EMPTY, allow_unauthenticated_verifiers=True)
    assert isinstance(answer, Parked)
    assert answer.certificate
    assert not answer.granted


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


def test_a_token_is_named_by_its_audience_and_is_the_default_identitys() -> None:
    assert meaning("jwt:https://api.example/") == BearerToken(API, "https://api.example/")
    assert meaning("jwt:a,b") == BearerToken(API, "a,b")
    assert meaning("jwt:a", node=Node(hint="public")) == BearerToken(WEB, "a")
    assert meaning("jwt:a", node=Node(spiffe_id="spiffe://prod.example/web")) == BearerToken(
        WEB, "a"
    )
    marked = entry("/web", default=True, order=2)
    assert meaning("jwt:a", snapshot(CA, API, marked)) == BearerToken(marked, "a")


def test_a_token_does_not_wait_for_the_certificate() -> None:
    assert meaning("jwt:a", snapshot(CA, pending=[WEB])) == BearerToken(WEB, "a")


def test_a_token_that_is_not_granted_is_parked() -> None:
    assert meaning("jwt:a", EMPTY) == Parked("no registration entry matches the caller")
    assert meaning("jwt:a", EMPTY, allow_unauthenticated_verifiers=True) == meaning("jwt:a", EMPTY)
    assert meaning("jwt:a", node=Node(hint="admin")) == Parked(
        "no entry of the caller has the hint 'admin'"
    )


def test_a_token_without_an_audience_or_with_an_endless_one_can_never_be_had() -> None:
    answer = meaning("jwt:")
    assert isinstance(answer, Never)
    assert "needs an audience" in answer.reason
    assert meaning("jwt:" + "ä" * 4, max_audience_bytes=8) == BearerToken(API, "ääää")
    assert meaning("jwt:" + "ä" * 5, max_audience_bytes=8) == Never(
        "an audience is longer than 8 bytes"
    )


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


def test_special_names_are_configurable() -> None:
    names: dict[str, Any] = {
        "default_svid_name": "my-cert",
        "default_bundle_name": "my-roots",
        "default_all_bundles_name": "my-partners",
    }
    assert path_of(meaning("my-cert", **names)) == "/api"
    assert meaning("my-roots", **names) == Roots((OWN,), plain=False)
    assert meaning("my-partners", **names) == Roots((OWN, FOREIGN), plain=False)
    assert isinstance(meaning("default", **names), Never)
    assert isinstance(meaning("ALL", **names), Never)


def test_everything_is_every_bundle_and_identity_by_its_id() -> None:
    assert Names(STATE, Node(), SdsSettings()).everything() == (
        "spiffe://prod.example",
        "spiffe://partner.example",
        "spiffe://prod.example/api",
        "spiffe://prod.example/web",
    )
    twice = snapshot(CA, WEB, entry("/web", "unix:gid:1"))
    assert Names(twice, Node(), SdsSettings()).everything() == (
        "spiffe://prod.example",
        "spiffe://prod.example/web",
    )


def test_everything_is_nothing_for_a_stranger() -> None:
    assert Names(EMPTY, Node(), SdsSettings()).everything() == ()


@given(st.text(max_size=60) | st.text("spifeprod.xaml:/", max_size=40).map("spiffe://".__add__))
def test_no_name_crashes_and_none_gives_what_is_not_granted(name: str) -> None:
    answer = meaning(name)
    if isinstance(answer, Certificate):
        assert name in {"default", "hint:internal", "hint:public"} or name.lower().endswith(
            answer.identity.spiffe_id.path
        )
