from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from support.ca import TestCa
from support.clock import EPOCH
from support.entries import entry
from support.signer import Signer
from support.token import Token

from accredit.agent.sds_reading import (
    BearerToken,
    Certificate,
    ReceivedSecret,
    TlsCertificate,
    ValidationContext,
    read_secret,
)
from accredit.identity.errors import ResponseError
from accredit.identity.keys import KeyType, generate
from accredit.sds_server import secrets, wire
from accredit.sds_server.proto import core_pb2, tls_pb2
from accredit.sds_server.proto import discovery_pb2 as pb

CA, PARTNER = TestCa("prod.example"), TestCa("partner.example")
_TOKEN = Token(generate(KeyType.EC_P256))
ODD_TOKENS = [
    _TOKEN.but(claims={"sub": None}),
    _TOKEN.but(claims={"exp": None}),
    _TOKEN.but(claims={"exp": 10**30}),
    _TOKEN.but(claims={"exp": "soon"}),
    _TOKEN.but(raw_claims="[]"),
]
SVID = CA.svid("spiffe://prod.example/api")


def read(secret: secrets.Secret) -> ReceivedSecret:
    (resource,) = pb.DiscoveryResponse.FromString(secret.framed).resources
    return read_secret(resource, "v1")


def root(ca: TestCa) -> Certificate:
    return Certificate(f"{ca.root.serial_number:x}", ca.root.not_valid_after_utc)


def inline(data: bytes) -> core_pb2.DataSource:
    return core_pb2.DataSource(inline_bytes=data)


def test_a_certificate_is_read_without_its_key() -> None:
    found = read(secrets.certificate("default", SVID, CA.bundle(), EPOCH))
    leaf = Certificate(SVID.serial, SVID.not_after)
    content = TlsCertificate(("spiffe://prod.example/api",), leaf)
    assert found == ReceivedSecret("default", "v1", content)
    assert "PRIVATE KEY" not in repr(found)


def test_roots_are_read_by_trust_domain() -> None:
    bundles = {ca.trust_domain: ca.bundle() for ca in (CA, PARTNER)}
    found = read(secrets.spiffe_context("ALL", bundles))
    assert found.content == ValidationContext(
        (("partner.example", (root(PARTNER),)), ("prod.example", (root(CA),)))
    )


def test_a_plain_list_and_nobody_are_told_apart() -> None:
    plain = read(secrets.plain_context("ROOTCA", CA.bundle()))
    assert plain.content == ValidationContext((("", (root(CA),)),))
    assert read(secrets.nobody("ROOTCA")).content == ValidationContext(())


def test_a_kind_nothing_is_known_of_is_not_refused() -> None:
    assert read_secret(wire.pack(tls_pb2.Secret(name="x")), "") == ReceivedSecret("x", "", None)


def context(
    roots: bytes | None = None, validator: core_pb2.TypedExtensionConfig | None = None
) -> tls_pb2.Secret:
    trusted = None if roots is None else inline(roots)
    found = tls_pb2.CertificateValidationContext(
        trusted_ca=trusted, custom_validator_config=validator
    )
    return tls_pb2.Secret(name="x", validation_context=found)


def validator(type_url: str, value: bytes) -> core_pb2.TypedExtensionConfig:
    return core_pb2.TypedExtensionConfig(typed_config=Any(type_url=type_url, value=value))


SPIFFE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"
NO_ROOTS = tls_pb2.SPIFFECertValidatorConfig(
    trust_domains=[tls_pb2.SPIFFECertValidatorConfig.TrustDomain(name="prod.example")]
)


@pytest.mark.parametrize(
    "secret",
    [
        tls_pb2.Secret(name="x", tls_certificate=tls_pb2.TlsCertificate()),
        tls_pb2.Secret(
            name="x", tls_certificate=tls_pb2.TlsCertificate(certificate_chain=inline(b"garbage"))
        ),
        context(),  # which would believe everybody
        context(b"garbage"),
        context(validator=validator("another", b"")),
        context(validator=validator(SPIFFE, b"\xff")),
        context(validator=validator(SPIFFE, NO_ROOTS.SerializeToString())),
    ],
    ids=["empty", "garbage", "nothing", "garbage-roots", "validator", "undecodable", "no-roots"],
)
def test_a_secret_without_readable_certificates_is_named_and_refused(
    secret: tls_pb2.Secret,
) -> None:
    with pytest.raises(ResponseError, match="secret 'x': certificates that are not there in PEM"):
        read_secret(wire.pack(secret), "")


def test_what_is_no_secret_is_refused() -> None:
    with pytest.raises(ResponseError, match="cannot be decoded as a secret"):
        read_secret(Any(type_url=wire.SECRET_TYPE, value=b"\xff"), "")
    with pytest.raises(ResponseError, match="of type 'type/Cluster' instead of a secret"):
        read_secret(Any(type_url="type/Cluster"), "")


def test_a_token_is_read_for_what_it_says_and_not_kept() -> None:
    svid = Signer(CA.trust_domain, EPOCH).jwt(entry("/api"), ["x", "y"], EPOCH)
    found = tls_pb2.Secret(
        name="jwt:x", generic_secret=tls_pb2.GenericSecret(secret=inline(svid.token.encode()))
    )
    received = read_secret(wire.pack(found), "v")
    assert received.content == BearerToken("spiffe://prod.example/api", ("x", "y"), svid.expires_at)
    assert "eyJ" not in repr(received)


@pytest.mark.parametrize(
    "content",
    [b"password", b"", b"\xff", b"a.b.c", *(str(token).encode() for token in ODD_TOKENS)],
)
def test_another_generic_secret_is_of_another_kind(content: bytes) -> None:
    secret = tls_pb2.Secret(name="x", generic_secret=tls_pb2.GenericSecret(secret=inline(content)))
    assert read_secret(wire.pack(secret), "").content is None
