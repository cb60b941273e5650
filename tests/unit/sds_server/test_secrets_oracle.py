"""What we send, read by Envoy's own definitions, which know every field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    Secret as EnvoySecret,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    SpiffeCertValidatorConfig,
)
from envoy_data_plane.envoy.service.discovery.v3 import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    DiscoveryRequest,
    DiscoveryResponse,
)
from support.ca import TestCa
from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer

from accredit.identity.bundle import TrustBundle
from accredit.sds_server import secrets, wire
from accredit.sds_server.node import Node
from accredit.sds_server.requests import Decoder, DeltaRequest, Request
from accredit.sds_server.secrets import Secret
from accredit.sds_server.settings import SdsSettings

CA = TestCa("prod.example")
PARTNER = TestCa("partner.example")
MIDDLE = CA.intermediate()
SVID = MIDDLE.svid("spiffe://prod.example/api")
BUNDLES = {ca.trust_domain: ca.bundle() for ca in (CA, PARTNER)}
JWT = Signer(CA.trust_domain, EPOCH).jwt(entry("/api"), ["api"], EPOCH)
TOKEN = secrets.token("jwt:api", JWT, "api", EPOCH)
CERTIFICATE = secrets.certificate("default", SVID, CA.bundle(), EPOCH)


def read(secret: Secret) -> EnvoySecret:
    """Return the secret as Envoy sees it, which must be the same over both kinds of stream."""
    whole = DiscoveryResponse.parse(wire.response("v", "n", [secret.framed]))
    parts = DeltaDiscoveryResponse.parse(wire.delta_response("v", "n", [secret.framed_delta], []))
    (one,), (other,) = whole.resources, parts.resources
    assert (other.name, other.version) == (secret.name, secret.version)
    assert other.resource == one
    _require_known(whole)
    _require_known(parts)
    found = one.unpack()
    assert isinstance(found, EnvoySecret)
    _require_known(found)
    return found


def _require_known(message: Any) -> None:
    # betterproto keeps what it does not know; Envoy refuses it.
    assert not message._unknown_fields


def test_a_token_is_a_generic_secret_of_the_bare_token() -> None:
    found = read(TOKEN)
    assert found.name == "jwt:api"
    assert found.generic_secret is not None
    assert found.generic_secret.secret is not None
    assert found.generic_secret.secret.inline_bytes == JWT.token.encode()
    assert found.tls_certificate is None
    assert found.validation_context is None


def test_a_certificate_is_the_chain_and_the_key_of_the_svid() -> None:
    found = read(CERTIFICATE)
    assert found.name == "default"
    tls = found.tls_certificate
    assert tls is not None
    assert tls.certificate_chain is not None
    assert tls.certificate_chain.inline_bytes == SVID.chain_pem
    assert SVID.chain_pem.count(b"BEGIN CERTIFICATE") == 2
    assert tls.private_key is not None
    assert tls.private_key.inline_bytes == SVID.key_pem
    assert tls.private_key.inline_bytes.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert found.validation_context is None


def test_revocation_lists_stand_where_each_validator_of_envoy_looks_for_them() -> None:
    own = replace(CA.bundle(), crls=(CA.crl(7), CA.crl()))
    assert own.crl_pem.count(b"BEGIN X509 CRL") == 2
    pooled = read(secrets.spiffe_context("ALL", {**BUNDLES, CA.trust_domain: own}))
    context = pooled.validation_context
    assert context is not None
    assert set(context.to_dict()) == {"customValidatorConfig"}
    validator = context.custom_validator_config.typed_config.unpack()  # type: ignore[union-attr]
    assert isinstance(validator, SpiffeCertValidatorConfig)
    assert [_inline(each.trust_bundle) for each in validator.trust_domains] == [
        PARTNER.bundle().x509_pem,
        own.x509_pem + own.crl_pem,
    ]
    plain = read(secrets.plain_context("ROOTCA", own)).validation_context
    assert plain is not None
    assert set(plain.to_dict()) == {"trustedCa", "crl"}
    assert (_inline(plain.trusted_ca), _inline(plain.crl)) == (own.x509_pem, own.crl_pem)


def test_each_trust_domain_has_its_own_roots_in_the_validator_and_nothing_else_is_set() -> None:
    found = read(secrets.spiffe_context("ALL", BUNDLES))
    context = found.validation_context
    assert context is not None
    assert set(context.to_dict()) == {"customValidatorConfig"}
    assert context.custom_validator_config is not None
    assert context.custom_validator_config.name == "envoy.tls.cert_validator.spiffe"
    validator = context.custom_validator_config.typed_config.unpack()  # type: ignore[union-attr]
    assert isinstance(validator, SpiffeCertValidatorConfig)
    assert [(each.name, _inline(each.trust_bundle)) for each in validator.trust_domains] == [
        ("partner.example", PARTNER.bundle().x509_pem),
        ("prod.example", CA.bundle().x509_pem),
    ]


def test_intermediates_stay_out_of_what_envoy_is_to_trust() -> None:
    bundle = TrustBundle(CA.trust_domain, (MIDDLE.certificate, CA.root))
    (domain,) = _validator(secrets.spiffe_context("ROOTCA", {CA.trust_domain: bundle}))
    assert _inline(domain.trust_bundle) == CA.bundle().x509_pem


def test_nobody_is_a_validator_without_trust_domains() -> None:
    assert _validator(secrets.nobody("ROOTCA")) == []


def test_a_plain_context_is_a_list_of_authorities() -> None:
    context = read(secrets.plain_context("ROOTCA", CA.bundle())).validation_context
    assert context is not None
    assert set(context.to_dict()) == {"trustedCa"}
    assert _inline(context.trusted_ca) == CA.bundle().x509_pem


def test_heads_are_envoys() -> None:
    whole = DiscoveryResponse.parse(wire.response("v1", "7", [CERTIFICATE.framed]))
    assert (whole.version_info, whole.nonce, whole.type_url) == ("v1", "7", wire.SECRET_TYPE)
    delta = DeltaDiscoveryResponse.parse(wire.delta_response("v1", "7", [], ["file-root:system"]))
    assert (delta.system_version_info, delta.nonce) == ("v1", "7")
    assert delta.type_url == wire.SECRET_TYPE
    assert delta.removed_resources == ["file-root:system"]


@pytest.mark.parametrize("metadata", [True, "true"])
def test_requests_made_by_envoys_definitions_are_read(metadata: object) -> None:
    decoder = Decoder(SdsSettings())
    node = {
        "id": "sidecar-1",
        "cluster": "web",
        "metadata": {"disable_spiffe_cert_validation": metadata, "accredit.hint": "internal"},
        "userAgentName": "envoy",
        "userAgentBuildVersion": {"version": {"majorNumber": 1, "minorNumber": 40}},
        "extensions": [{"name": "envoy.x", "category": "y"}],
        "locality": {"zone": "z"},
    }
    expected = Node("sidecar-1", "web", "envoy/1.40.0", True, "internal")
    error = {"code": 13, "message": "bad"}
    whole = DiscoveryRequest.from_dict(
        {
            "node": node,
            "versionInfo": "v",
            "resourceNames": ["default"],
            "typeUrl": wire.SECRET_TYPE,
            "responseNonce": "3",
            "errorDetail": error,
        }
    )
    assert decoder.request(bytes(whole)) == Request(("default",), "v", "3", "bad", expected)
    delta = DeltaDiscoveryRequest.from_dict(
        {
            "node": node,
            "typeUrl": wire.SECRET_TYPE,
            "resourceNamesSubscribe": ["default"],
            "resourceNamesUnsubscribe": ["ROOTCA"],
            "initialResourceVersions": {"default": "v"},
            "responseNonce": "3",
            "errorDetail": error,
        }
    )
    assert decoder.delta_request(bytes(delta)) == DeltaRequest(
        ("default",), ("ROOTCA",), {"default": "v"}, "3", "bad", expected
    )


def _inline(source: Any) -> bytes:
    return bytes(source.inline_bytes)


def _validator(secret: Secret) -> list[Any]:
    context = read(secret).validation_context
    assert context is not None
    assert context.custom_validator_config is not None
    config: Any = context.custom_validator_config.typed_config.unpack()  # type: ignore[union-attr]
    return list(config.trust_domains)
