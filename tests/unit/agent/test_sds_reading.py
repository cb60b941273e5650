from __future__ import annotations

import json

import pytest
from google.protobuf.any_pb2 import Any
from support.ca import TestCa
from support.clock import EPOCH

from accredit.agent.sds_reading import ReceivedSecret, read_secret, secret_data, secrets_text
from accredit.identity.errors import UnavailableError
from accredit.sds_server import secrets
from accredit.sds_server.proto import core_pb2, tls_pb2
from accredit.sds_server.proto import discovery_pb2 as pb

CA = TestCa("prod.example")
SVID = CA.svid("spiffe://prod.example/api")


def read(secret: secrets.Secret) -> ReceivedSecret:
    (resource,) = pb.DiscoveryResponse.FromString(secret.framed).resources
    return read_secret(resource, "v1")


def test_a_certificate_shows_whose_it_is_and_never_its_key() -> None:
    found = read(secrets.certificate("default", SVID, CA.bundle(), EPOCH))
    assert secret_data(found) == {
        "name": "default",
        "version": "v1",
        "type": "tls_certificate",
        "spiffe_id": "spiffe://prod.example/api",
        "serial": SVID.serial,
        "not_after": "2026-01-01T01:00:00Z",
    }
    shown = secrets_text([found]) + json.dumps(secret_data(found)) + repr(found)
    assert "PRIVATE KEY" not in shown
    assert secrets_text([found]).splitlines()[1].split() == [
        "default",
        "v1",
        "spiffe://prod.example/api",
        SVID.serial,
        "2026-01-01T01:00:00Z",
    ]


def test_a_validation_context_shows_each_root_by_trust_domain() -> None:
    partner = TestCa("partner.example")
    bundles = {ca.trust_domain: ca.bundle() for ca in (CA, partner)}
    found = read(secrets.spiffe_context("ALL", bundles))
    assert secret_data(found) == {
        "name": "ALL",
        "version": "v1",
        "type": "validation_context",
        "roots": {
            str(ca.trust_domain): [
                {"serial": f"{ca.root.serial_number:x}", "not_after": "2026-01-01T01:00:00Z"}
            ]
            for ca in (partner, CA)
        },
    }
    partners, own = secrets_text([found]).splitlines()[1:]
    assert "  trusts partner.example  " in partners
    assert "  trusts prod.example     " in own


def test_a_plain_list_and_nobody_are_told_apart() -> None:
    plain = read(secrets.plain_context("ROOTCA", CA.bundle()))
    assert "trusts, as a plain list" in secrets_text([plain])
    nobody = read(secrets.nobody("ROOTCA"))
    assert "trusts nobody" in secrets_text([nobody])
    assert secret_data(nobody)["roots"] == {}


def test_a_secret_of_another_kind_is_named_as_such() -> None:
    resource = Any(value=tls_pb2.Secret(name="x").SerializeToString())
    found = read_secret(resource, "")
    assert secret_data(found) == {"name": "x", "version": "", "type": "of another kind"}
    assert "of another kind" in secrets_text([found])


def test_a_certificate_without_a_chain_is_shown_as_empty() -> None:
    secret = tls_pb2.Secret(name="x", tls_certificate=tls_pb2.TlsCertificate())
    found = read_secret(Any(value=secret.SerializeToString()), "")
    assert secret_data(found) == {
        "name": "x",
        "version": "",
        "type": "tls_certificate",
        "spiffe_id": "",
    }
    assert secrets_text([found]).splitlines()[1] == "x"


@pytest.mark.parametrize(
    "secret",
    [
        b"\xff",
        tls_pb2.Secret(
            tls_certificate=tls_pb2.TlsCertificate(
                certificate_chain=core_pb2.DataSource(inline_bytes=b"garbage")
            )
        ).SerializeToString(),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(secret: bytes) -> None:
    with pytest.raises(UnavailableError, match="sent a secret that cannot be read"):
        read_secret(Any(value=secret), "")
