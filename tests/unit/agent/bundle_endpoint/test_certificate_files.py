"""Whether certificate and key of a web server will do."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.ca import TestCa
from support.certificate import LEAF, common_name
from support.clock import EPOCH

from accredit.agent.bundle_endpoint.certificate_files import (
    WebCertificate,
    check_files,
    read_certificate,
)
from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import Profile
from accredit.identity.errors import ConfigError
from accredit.identity.keys import to_pkcs8_pem

_CA = TestCa()


@dataclass
class Files:
    certificate: Path
    key: Path

    def issued(self, **defects: Any) -> None:
        """Hold what the authority signs for a server."""
        issued = _CA.issue(**{"dns_names": ["bundles.example"], **defects})
        self.certificate.write_bytes(issued.leaf.public_bytes(Encoding.PEM))
        self.key.write_bytes(to_pkcs8_pem(issued.key))

    def read(self, url: str = "https://bundles.example/", days: int = 0) -> WebCertificate:
        now = EPOCH + timedelta(days=days)
        return read_certificate(self.certificate, self.key, EndpointUrl.parse(url), now)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    found = Files(tmp_path / "web.pem", tmp_path / "web.key")
    found.key.touch(0o600)
    found.issued()
    return found


def test_a_pair_that_names_the_host_will_do(files: Files) -> None:
    found = files.read()
    assert found.doubt == ""
    settings = EndpointSettings(
        Address("::", 1), Profile.WEB, certificate=files.certificate, key=files.key
    )
    check_files(settings, EPOCH)


@pytest.mark.rows("FS-10")
@pytest.mark.parametrize(
    ("names", "host", "named"),
    [
        (["bundles.example"], "BUNDLES.example", True),
        (["*.example"], "bundles.example", True),
        (["*.example"], "a.bundles.example", False),
        (["*.example"], "example", False),
        (["example"], "bundles.example", False),
        ([], "bundles.example", False),
        (["127.0.0.1"], "127.0.0.1", False),
    ],
)
def test_the_host_is_looked_for_in_the_san_alone(
    files: Files, names: list[str], host: str, *, named: bool
) -> None:
    files.issued(dns_names=names, subject="bundles.example")
    url = f"https://{host}/"
    if named:
        files.read(url)
        return
    with pytest.raises(ConfigError, match=rf"web\.pem: does not name {host}, the host of url"):
        files.read(url)


@pytest.mark.rows("FS-10")
def test_an_ip_address_is_named_as_one(files: Files) -> None:
    name = x509.SubjectAlternativeName([x509.IPAddress(ip_address("10.0.0.7"))])
    files.issued(uris=(), dns_names=(), extra=[(name, False)])
    files.read("https://10.0.0.7/")
    with pytest.raises(ConfigError, match=r"does not name 10\.0\.0\.8"):
        files.read("https://10.0.0.8/")


def test_one_that_has_ended_is_refused(files: Files) -> None:
    with pytest.raises(ConfigError, match="is valid from 2025-12-31 23:00:00 to 2026-01-01 01:00"):
        files.read(days=1)


@pytest.mark.rows("FS-02")
def test_a_short_rsa_key_is_refused_and_every_reason_is_told(files: Files) -> None:
    key = rsa.generate_private_key(65537, 1024)
    leaf = LEAF.sign(key.public_key(), _CA.certificate.subject, _CA.key)
    files.certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ConfigError) as raised:
        files.read(days=1)
    assert len(raised.value.mistakes) == 3
    assert "has an RSA key of 1024 bits; expected 2048 at least" in str(raised.value)


@pytest.mark.parametrize("key", [b"", b"secret", to_pkcs8_pem(_CA.key)])
def test_another_key_is_refused_and_not_quoted(files: Files, key: bytes) -> None:
    files.key.write_bytes(key)
    with pytest.raises(ConfigError, match=r"web\.key: is not the key of .*web\.pem") as raised:
        files.read()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_refused(files: Files, text: str) -> None:
    files.certificate.write_text(text)
    with pytest.raises(ConfigError, match=r"web\.pem: holds no certificate in PEM"):
        files.read()


def test_one_whose_key_is_of_no_known_kind_is_refused(files: Files) -> None:
    """The files are read again while the agent runs, and what comes out of that ends it."""
    der = x509.load_pem_x509_certificate(files.certificate.read_bytes()).public_bytes(Encoding.DER)
    of_ec, of_nothing = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d027f")
    files.certificate.write_text(ssl.DER_cert_to_PEM_cert(der.replace(of_ec, of_nothing)))
    with pytest.raises(ConfigError, match=r"web\.pem: public key cannot be read"):
        files.read()


@pytest.mark.rows("FS-09")
def test_a_self_signed_one_will_do_and_is_doubted(files: Files) -> None:
    key = _CA.jwt_key
    leaf = LEAF.sign(key.public_key(), common_name(LEAF.subject), key)
    files.certificate.write_bytes(leaf.public_bytes(Encoding.PEM))
    files.key.write_bytes(to_pkcs8_pem(key))
    found = read_certificate(files.certificate, files.key, None, EPOCH)
    assert found.doubt == "nobody trusts a self-signed certificate who was not given it"
