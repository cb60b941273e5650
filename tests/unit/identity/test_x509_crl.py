from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from support.ca import TestCa
from support.clock import EPOCH

from accredit.identity.errors import X509SvidError
from accredit.identity.keys import KeyType
from accredit.identity.x509_crl import RevokedSerial, build_crl, is_revoked, signed_by
from accredit.identity.x509_verify import verify_x509_svid

CA, OTHER = TestCa(), TestCa()
SVID = CA.svid()
SERIAL = SVID.leaf.serial_number
DAY = timedelta(days=1)


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
def test_a_list_says_what_it_was_given_and_how_to_tell_it_from_others(kind: KeyType) -> None:
    ca = TestCa(kind=kind)
    lines = [RevokedSerial(9, EPOCH), RevokedSerial(3, EPOCH - DAY)]
    crl = build_crl(
        ca.root, ca.key, lines, number=2**40, this_update=EPOCH, next_update=EPOCH + DAY
    )
    assert [(each.serial_number, each.revocation_date_utc) for each in crl] == [
        (3, EPOCH - DAY),
        (9, EPOCH),
    ]
    assert (crl.last_update_utc, crl.next_update_utc) == (EPOCH, EPOCH + DAY)
    assert crl.issuer == ca.root.subject
    found = crl.extensions
    assert found.get_extension_for_class(x509.CRLNumber).value.crl_number == 2**40
    own = x509.SubjectKeyIdentifier.from_public_key(ca.key.public_key())
    named = found.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert named.key_identifier == own.digest
    assert crl.is_signature_valid(ca.root.public_key())  # type: ignore[arg-type]


def test_a_certificate_is_revoked_by_its_own_issuers_list_alone() -> None:
    roots = (CA.root, OTHER.root)
    assert is_revoked(SVID.leaf, roots, [CA.crl(SERIAL)])
    assert is_revoked(SVID.leaf, roots, [OTHER.crl(), CA.crl(1), CA.crl(1, SERIAL)])
    assert not is_revoked(SVID.leaf, roots, [CA.crl(1)])
    assert not is_revoked(SVID.leaf, roots, [OTHER.crl(SERIAL)])
    assert not is_revoked(SVID.leaf, (OTHER.root,), [CA.crl(SERIAL)])


def test_a_list_that_has_ended_takes_nothing_back() -> None:
    assert is_revoked(SVID.leaf, (CA.root,), [CA.crl(SERIAL, ends=EPOCH - timedelta(minutes=30))])


def test_a_list_that_was_forged_or_cannot_be_read_says_nothing() -> None:
    good = CA.crl(SERIAL)
    forged = good[:-1] + bytes([good[-1] ^ 1])
    assert not is_revoked(SVID.leaf, (CA.root,), [forged, b"", b"list", good[:40]])
    assert signed_by((CA.root,), [forged, b"list", good, OTHER.crl()]) == (good,)


def test_a_revoked_svid_is_refused_and_its_successor_is_not() -> None:
    bundle = replace(CA.bundle(), crls=(CA.crl(SERIAL),))
    with pytest.raises(X509SvidError, match=r"its authority has revoked it \(RFC 5280 6.3\)"):
        verify_x509_svid(SVID.chain, {CA.trust_domain: bundle}, EPOCH)
    fresh = CA.svid()
    assert verify_x509_svid(fresh.chain, {CA.trust_domain: bundle}, EPOCH) == fresh.spiffe_id
