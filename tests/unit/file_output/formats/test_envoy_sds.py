from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from support.ca import TestCa

from accredit.file_output.formats.envoy_sds import certificate, context
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError

CA = TestCa()
PARTNER = TestCa("partner.example")
EMPTY = TrustBundle(TestCa("empty.example").trust_domain)


def secret(data: bytes) -> dict[str, Any]:
    (found,) = json.loads(data)["resources"]
    assert found.pop("@type").endswith(".tls.v3.Secret")
    return dict(found)


def inline(value: dict[str, str]) -> bytes:
    return base64.b64decode(value["inline_bytes"])


def test_the_certificate_holds_chain_and_key() -> None:
    svid = CA.svid()
    found = secret(certificate(svid).data)
    assert found["name"] == "default"
    assert inline(found["tls_certificate"]["certificate_chain"]) == svid.chain_pem
    assert inline(found["tls_certificate"]["private_key"]) == svid.key_pem


def test_the_context_keeps_each_trust_domain_apart_and_leaves_out_those_without_a_root() -> None:
    found = secret(context([PARTNER.bundle(), EMPTY, CA.bundle()]).data)
    assert found["name"] == "ALL"
    validator = found["validation_context"]["custom_validator_config"]
    assert validator["name"] == "envoy.tls.cert_validator.spiffe"
    domains = validator["typed_config"]["trust_domains"]
    assert {each["name"]: inline(each["trust_bundle"]) for each in domains} == {
        "td.example": CA.bundle().x509_pem,
        "partner.example": PARTNER.bundle().x509_pem,
    }


def test_revocation_lists_stand_in_the_bundle_where_the_validator_looks_for_them() -> None:
    own = replace(CA.bundle(), crls=(CA.crl(7),))
    found = secret(context([own]).data)
    (domain,) = found["validation_context"]["custom_validator_config"]["typed_config"][
        "trust_domains"
    ]
    assert inline(domain["trust_bundle"]) == own.x509_pem + own.crl_pem


def test_a_context_that_would_believe_nobody_is_refused() -> None:
    with pytest.raises(BundleError, match=r"no trust domain has a self-signed X\.509 authority"):
        context([EMPTY])
