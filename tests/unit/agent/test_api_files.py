from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from support.ca import TestCa

from accredit.agent import api_files
from accredit.identity.spiffe_id import SpiffeId
from accredit.workload_api.contexts import (
    HintedSvid,
    HintedToken,
    JwtBundles,
    X509Bundles,
    X509Context,
)

CA, PARTNER = TestCa("prod.example"), TestCa("partner.example")
BUNDLES = {ca.trust_domain: ca.bundle() for ca in (CA, PARTNER)}
SVIDS = tuple(HintedSvid(CA.svid(f"spiffe://prod.example/{name}"), "") for name in "ab")
CONTEXT = X509Context(SVIDS, X509Bundles(BUNDLES))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_svid_is_a_chain_and_a_key_and_each_trust_domain_a_file_of_its_own() -> None:
    assert api_files.context_files(CONTEXT) == {
        "svid.0.pem": SVIDS[0].svid.chain_pem,
        "svid.0.key": SVIDS[0].svid.key_pem,
        "svid.1.pem": SVIDS[1].svid.chain_pem,
        "svid.1.key": SVIDS[1].svid.key_pem,
        "bundle.prod.example.pem": CA.bundle().x509_pem,
        "bundle.partner.example.pem": PARTNER.bundle().x509_pem,
    }


def test_revocation_lists_lie_beside_the_bundle_they_are_for() -> None:
    bundle = replace(CA.bundle(), crls=(CA.crl(7),))
    files = api_files.x509_bundle_files(X509Bundles({**BUNDLES, CA.trust_domain: bundle}))
    assert set(files) == {
        "bundle.prod.example.pem",
        "bundle.partner.example.pem",
        "crl.prod.example.pem",
    }
    assert files["crl.prod.example.pem"] == bundle.crl_pem


def test_tokens_and_jwk_sets_are_files_too() -> None:
    token = HintedToken(SpiffeId.parse("spiffe://prod.example/a"), "a.b.c", "")
    assert api_files.token_files([token]) == {"jwt.0.token": b"a.b.c"}
    assert set(api_files.jwt_bundle_files(JwtBundles(BUNDLES))) == {
        "bundle.prod.example.jwks",
        "bundle.partner.example.jwks",
    }


def test_keys_and_tokens_are_for_this_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        api_files.write(tmp_path / "out", {"a.key": b"k", "a.token": b"t", "a.pem": b"p"})
    finally:
        os.umask(old)
    modes = {path.name: mode(path) for path in (tmp_path / "out").iterdir()}
    assert modes == {"a.key": 0o600, "a.token": 0o600, "a.pem": 0o644}
    assert mode(tmp_path / "out") == 0o700


def test_an_older_file_is_replaced_even_one_that_others_could_read(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(b"old")
    (tmp_path / "a.key").chmod(0o666)
    api_files.write(tmp_path, {"a.key": b"new"})
    assert (tmp_path / "a.key").read_bytes() == b"new"
    assert mode(tmp_path / "a.key") == 0o600


def test_a_failure_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "a.key").mkdir()
    with pytest.raises(IsADirectoryError):
        api_files.write(tmp_path, {"a.key": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]
