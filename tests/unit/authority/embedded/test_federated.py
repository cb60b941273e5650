from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa

from accredit.authority.embedded.federated import FederatedFiles
from accredit.identity.bundle import encode_bundle
from accredit.identity.spiffe_id import TrustDomain

_PARTNER = TrustDomain("partner.example")


def _version_2() -> bytes:
    der = TestCa(_PARTNER).root.public_bytes(Encoding.DER)
    version_3, version_2 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01"
    return ssl.DER_cert_to_PEM_cert(der.replace(version_3, version_2, 1)).encode()


@pytest.fixture
def partner() -> TestCa:
    return TestCa(_PARTNER)


@pytest.fixture
def file(tmp_path: Path, partner: TestCa) -> Path:
    path = tmp_path / "partner"
    path.write_bytes(encode_bundle(partner.bundle()))
    return path


def test_a_bundle_document_is_read(file: Path, partner: TestCa) -> None:
    assert FederatedFiles({_PARTNER: file}).bundles == {_PARTNER: partner.bundle()}


def test_certificates_in_pem_are_read(file: Path, partner: TestCa) -> None:
    pem = partner.root.public_bytes(Encoding.PEM)
    file.write_bytes(b"# of our partner\n" + pem)
    bundle = FederatedFiles({_PARTNER: file}).bundles[_PARTNER]
    assert bundle.x509_authorities == (partner.root,)
    assert bundle.jwt_authorities == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{}",
        b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n",
        _version_2(),
    ],
)
def test_a_file_that_does_not_parse_keeps_the_last_good_bundle(
    file: Path, partner: TestCa, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    files = FederatedFiles({_PARTNER: file})
    file.write_bytes(content)
    assert not files.reload()
    assert files.bundles == {_PARTNER: partner.bundle()}
    (record,) = caplog.records
    assert record.message == "federated bundle not read; the last good one stays"
    assert record.__dict__["trust_domain"] == "partner.example"


@pytest.mark.rows("FC-35")
def test_a_file_that_others_can_write_counts_for_nothing(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.chmod(0o666)
    files = FederatedFiles({_PARTNER: file})
    files.reload()
    assert files.bundles == {}
    [record] = caplog.records
    assert "can be written by every user" in record.__dict__["error"]


def test_a_file_that_is_missing_from_the_start_is_logged_and_the_others_serve(
    file: Path, tmp_path: Path, partner: TestCa, caplog: pytest.LogCaptureFixture
) -> None:
    files = FederatedFiles({TrustDomain("gone.example"): tmp_path / "gone", _PARTNER: file})
    assert files.bundles == {_PARTNER: partner.bundle()}
    assert "federated bundle not read" in caplog.text


def test_a_change_is_told_apart_from_none(file: Path) -> None:
    files = FederatedFiles({_PARTNER: file})
    assert not files.reload()
    file.write_bytes(encode_bundle(TestCa(_PARTNER).bundle()))
    assert files.reload()


def test_what_is_odd_in_a_document_is_logged(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_bytes(b'{"keys": [{"use": "unheard-of"}]}')
    FederatedFiles({_PARTNER: file})
    assert "federated bundle is odd" in caplog.text
