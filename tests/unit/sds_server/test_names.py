from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entries import entry
from support.sds_names import API, CA, EMPTY, FOREIGN, OWN, STATE, WEB, meaning, path_of
from support.snapshots import snapshot

from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.names import Certificate, Names, Never, Parked, Roots
from accredit.sds_server.node import Node
from accredit.sds_server.settings import SdsSettings


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


@pytest.mark.parametrize("name", ["spiffe://prod.example/api", "default", "hint:internal"])
def test_an_identity_that_cannot_be_signed_just_now_is_parked_as_granted(name: str) -> None:
    assert meaning(name, snapshot(CA, WEB, pending=[API])) == Parked(
        "nobody can sign it just now", certificate=True, granted=True
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
