"""Certificates in a row, as the Workload API sends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from support.certificate import common_name
from support.clock import EPOCH
from support.x509_checks import CA, HOUR, A

from accredit.identity.errors import X509SvidError
from accredit.identity.x509_verify import split_der


@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_certificates_in_a_row_are_taken_apart(count: int) -> None:
    row = [CA.issue(A).leaf for _ in range(count)]
    data = b"".join(each.public_bytes(Encoding.DER) for each in row)
    assert list(split_der(data)) == row


DER = CA.certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "data",
    [
        DER[:-1],
        DER + b"\0",
        DER + DER[:1],
        DER[:1],
        DER[:2],
        DER[:3],
        b"\0" + DER,
        b"\0" * 100,
        b"\x30\x80\0\0",
        b"\x30\xff" + b"\xff" * 200,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x31" + DER[1:],
        CA.certificate.public_bytes(Encoding.PEM),
        DER.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01", 1),  # of version 2
    ],
    ids=[
        *("cut", "a byte more", "another begins", "1 byte", "2 bytes", "3 bytes", "a byte before"),
        *("zeros", "no end", "a length of lengths", "a length of 4 GiB", "a set", "PEM"),
        "version 2",
    ],
)
def test_anything_but_whole_certificates_is_refused(data: bytes) -> None:
    with pytest.raises(X509SvidError, match="not a certificate in DER"):
        split_der(data)


def _request() -> bytes:
    builder = x509.CertificateSigningRequestBuilder(common_name("a"))
    return builder.sign(CA.key, SHA256()).public_bytes(Encoding.DER)


def _revocations() -> bytes:
    builder = x509.CertificateRevocationListBuilder(common_name("a"), EPOCH, EPOCH + HOUR)
    return builder.sign(CA.key, SHA256()).public_bytes(Encoding.DER)


@pytest.mark.rows("SV-06")
@pytest.mark.parametrize("make", [_request, _revocations])
def test_a_signed_document_that_is_no_certificate_is_no_svid(make: Callable[[], bytes]) -> None:
    with pytest.raises(X509SvidError, match="not a certificate in DER"):
        split_der(make())


def test_endless_certificates_are_refused_unread() -> None:
    with pytest.raises(X509SvidError, match="more than 4194304 bytes"):
        split_der(bytes(4 * 1024 * 1024 + 1))
