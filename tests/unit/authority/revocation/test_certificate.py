from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa

from accredit.authority.revocation.certificate import issued_from
from accredit.authority.revocation.crls import Root
from accredit.identity.errors import RequestError, X509SvidError

CA, OTHER = TestCa(), TestCa()
ROOTS = (Root("other", OTHER.root, None), Root("ca", CA.root, None))


def test_a_certificate_says_which_svid_it_is_and_which_root_signed_it() -> None:
    svid = CA.svid()
    found = issued_from(svid.chain_pem + b"\nwhatever else is in the file", ROOTS)
    assert (found.serial, found.issuer) == (svid.leaf.serial_number, "ca")
    assert (found.spiffe_id, found.entry_id) == (str(svid.spiffe_id), "")
    assert found.not_after == svid.not_after


@pytest.mark.parametrize("text", [b"", b"no certificate", CA.root.public_bytes(Encoding.DER)])
def test_what_is_no_certificate_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(RequestError, match="no certificate in PEM was found"):
        issued_from(text, ROOTS)


def test_a_certificate_of_somebody_else_is_refused() -> None:
    with pytest.raises(RequestError, match="no root that is trusted here signed the certificate"):
        issued_from(TestCa().svid().chain_pem, ROOTS)


def test_a_root_is_no_svid_of_a_workload() -> None:
    with pytest.raises(X509SvidError):
        issued_from(CA.root.public_bytes(Encoding.PEM), ROOTS)
