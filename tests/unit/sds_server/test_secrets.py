from __future__ import annotations

from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer

from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError, X509SvidError
from accredit.sds_server import secrets
from accredit.sds_server.secrets import Kind

CA = TestCa("prod.example")
PARTNER = TestCa("partner.example")
SVID = CA.svid("spiffe://prod.example/api")
BUNDLES = {ca.trust_domain: ca.bundle() for ca in (CA, PARTNER)}
ROOTLESS = TrustBundle(CA.trust_domain, (CA.intermediate().certificate,))


def test_a_certificate_tells_people_what_it_is_and_hides_its_key() -> None:
    secret = secrets.certificate("default", SVID, CA.bundle(), EPOCH)
    assert (secret.name, secret.spiffe_id) == ("default", "spiffe://prod.example/api")
    assert (secret.serial, secret.not_after) == (SVID.serial, SVID.not_after)
    assert secret.kind is Kind.CERTIFICATE
    assert b"PRIVATE KEY" in secret.framed
    assert "PRIVATE KEY" not in repr(secret)
    assert not secret.expired(SVID.not_after)
    assert secret.expired(SVID.not_after + timedelta(seconds=1))


def test_a_token_tells_people_what_it_is_and_hides_itself() -> None:
    svid = Signer(CA.trust_domain, EPOCH).jwt(entry("/api"), ["x"], EPOCH)
    secret = secrets.token("jwt:x", svid, "x", EPOCH)
    assert (secret.name, secret.spiffe_id) == ("jwt:x", "spiffe://prod.example/api")
    assert (secret.serial, secret.not_after) == ("", svid.expires_at)
    assert secret.kind is Kind.TOKEN
    assert svid.token.encode() in secret.framed
    assert "eyJ" not in repr(secret)
    assert not secret.expired(svid.expires_at - timedelta(milliseconds=1))
    assert secret.expired(svid.expires_at)


def test_a_version_changes_with_content_and_name_only() -> None:
    def version(name: str = "default", svid: object = SVID) -> str:
        return secrets.certificate(name, svid, CA.bundle(), EPOCH).version  # type: ignore[arg-type]

    assert version() == version()
    assert version() != version("spiffe://prod.example/api")
    assert version() != version(svid=CA.svid("spiffe://prod.example/api"))
    assert secrets.spiffe_context("ALL", BUNDLES).version == (
        secrets.spiffe_context("ALL", dict(reversed(BUNDLES.items()))).version
    )


def test_what_fails_its_check_is_not_made() -> None:
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        secrets.certificate("default", SVID, TestCa("prod.example").bundle(), EPOCH)


def test_a_validation_context_tells_whom_it_believes() -> None:
    context = secrets.spiffe_context("ALL", BUNDLES)
    assert context.trust_domains == ("partner.example", "prod.example")
    assert context.kind is Kind.CONTEXT
    assert not context.expired(EPOCH + timedelta(days=10_000))


def test_a_bundle_without_roots_is_left_out_and_costs_the_others_nothing() -> None:
    context = secrets.spiffe_context("ALL", {**BUNDLES, CA.trust_domain: ROOTLESS})
    assert context.trust_domains == ("partner.example",)


def test_a_context_without_any_root_is_not_made() -> None:
    with pytest.raises(BundleError, match=r"no trust domain has a self-signed X.509 authority"):
        secrets.spiffe_context("ROOTCA", {CA.trust_domain: ROOTLESS})
    # Envoy takes an empty list of CAs for "believe everyone".
    with pytest.raises(BundleError, match="'ROOTCA' would be an empty validation context"):
        secrets.plain_context("ROOTCA", ROOTLESS)


def test_only_nobody_believes_nobody() -> None:
    nobody = secrets.nobody("ROOTCA")
    assert nobody.trust_domains == ()
    assert b"envoy.tls.cert_validator.spiffe" in nobody.framed
    assert nobody.version == secrets.nobody("ROOTCA").version
