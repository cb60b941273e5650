"""Whatever comes in, only errors of our own come out, and soon."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from support.ca import TestCa
from support.clock import EPOCH
from support.token import Token, decode, part

from accredit.identity.bundle import encode_bundle, parse_bundle
from accredit.identity.errors import AccreditError
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import load_pkcs8, to_pkcs8_der
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.x509_profile import check_leaf, public_key_of
from accredit.identity.x509_svid import X509Svid
from accredit.identity.x509_verify import split_der, verify_x509_svid

CA = TestCa()
TD = CA.trust_domain
BUNDLES = {TD: CA.bundle()}
ISSUED = CA.intermediate().issue()
DER = b"".join(certificate.public_bytes(Encoding.DER) for certificate in ISSUED.chain)
LEAF_DER = ISSUED.leaf.public_bytes(Encoding.DER)
KEY_DER = to_pkcs8_der(CA.key)
DOCUMENT = encode_bundle(CA.bundle(sequence=7, refresh_hint=timedelta(minutes=5)))
KEYS = json.loads(DOCUMENT)["keys"]
KID = {"kid": CA.jwt_authority.key_id}
TOKEN = Token(CA.jwt_key, header=KID)

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@st.composite
def _damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Overwrite, drop, repeat or insert a few bytes."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(start + 3, len(data))))
        data = data[:start] + draw(st.binary(max_size=3)) + data[end:]
    return data


def _members(known: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Known members with known or any values, beside any others."""
    names = st.sampled_from(sorted(known)) | st.text(max_size=8)
    values = st.sampled_from(sorted(known.values(), key=repr)) | _JSON
    return st.dictionaries(names, values, max_size=4).map(lambda changes: {**known, **changes})


@given(st.text() | st.text("spiffe:/td.example%?#@._-Aä\n").map("spiffe://td".__add__))
def test_text_is_a_spiffe_id_that_prints_the_same_or_is_refused(text: str) -> None:
    with suppress(AccreditError):
        spiffe_id = SpiffeId.parse(text)
        assert str(spiffe_id)[9:] == text[9:]
        assert SpiffeId.parse(str(spiffe_id)) == spiffe_id
        assert text.isascii()
        assert len(text) <= 2048


@given(st.text())
def test_text_is_a_trust_domain_or_is_refused(text: str) -> None:
    with suppress(AccreditError):
        assert TrustDomain.parse(text).name == text.lower().removeprefix("spiffe://")


@given(st.text())
def test_text_is_a_selector_or_is_refused(text: str) -> None:
    with suppress(AccreditError):
        assert str(Selector.parse(text)) == text


@given(st.binary(max_size=200) | _damaged(DOCUMENT) | _JSON.map(lambda v: json.dumps(v).encode()))
def test_bytes_are_a_bundle_or_are_refused(data: bytes) -> None:
    with suppress(AccreditError):
        parsed = parse_bundle(TD, data)
        again = parse_bundle(TD, encode_bundle(parsed.bundle))
        assert again.bundle == parsed.bundle


@given(
    st.lists(_members(KEYS[0]) | _members(KEYS[1]) | _JSON, max_size=5),
    _members({"spiffe_sequence": 7}),
)
def test_odd_entries_never_sink_a_bundle(entries: list[object], others: dict[str, Any]) -> None:
    document = json.dumps({**others, "keys": [*entries, *KEYS]}, allow_nan=True).encode()
    with suppress(AccreditError):
        bundle = parse_bundle(TD, document).bundle
        assert CA.root in bundle.x509_authorities
        assert bundle.jwks
        assert bundle.x509_pem


def _validate(token: str) -> None:
    with suppress(AccreditError):
        validated = validate_jwt_svid(token, ["aud"], BUNDLES, EPOCH)
        assert validated.spiffe_id.trust_domain == TD
        audience = validated.claims["aud"]
        assert isinstance(audience, list)
        assert "aud" in audience
        assert validated.expires_at > EPOCH


@given(st.text() | _damaged(str(TOKEN).encode()).map(lambda raw: raw.decode("latin-1")))
def test_text_is_a_valid_token_or_is_refused(token: str) -> None:
    _validate(token)


@given(_members({"alg": "ES256", "typ": "JWT", **KID}), st.binary(max_size=64))
def test_any_header_is_read_or_refused(header: dict[str, Any], signature: bytes) -> None:
    _validate(f"{part(header)}.{str(TOKEN).split('.')[1]}.{part(signature)}")
    _validate(str(TOKEN.but(raw_header=json.dumps(header))))


@given(_members(json.loads(decode(str(TOKEN).split(".")[1]))) | _JSON)
def test_any_signed_claims_are_read_or_refused(claims: object) -> None:
    _validate(str(TOKEN.but(raw_claims=json.dumps(claims) or "null")))


@given(st.binary(max_size=200) | _damaged(KEY_DER))
def test_bytes_are_a_private_key_or_are_refused(data: bytes) -> None:
    with suppress(AccreditError):
        assert load_pkcs8(data).key_size in {256, 384, 521}


# cryptography still reads some malformed certificates, but says that it will not for ever.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.binary(max_size=200) | _damaged(DER))
def test_bytes_are_certificates_or_are_refused(data: bytes) -> None:
    with suppress(AccreditError):
        certificates = split_der(data)
        assert b"".join(each.public_bytes(Encoding.DER) for each in certificates) == data
        for certificate in certificates:
            _look_at(certificate)
        verify_x509_svid(certificates, BUNDLES, EPOCH)


def _look_at(certificate: x509.Certificate) -> None:
    with suppress(AccreditError):
        check_leaf(certificate)
    with suppress(AccreditError):
        public_key_of(certificate)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(_damaged(LEAF_DER))
def test_a_damaged_leaf_is_never_accepted(data: bytes) -> None:
    with suppress(AccreditError):
        (leaf, *_) = (*split_der(data), ISSUED.leaf)
        spiffe_id = check_leaf(leaf)
        X509Svid(spiffe_id, (leaf, *ISSUED.chain[1:]), ISSUED.key)
        if leaf != ISSUED.leaf:
            with pytest.raises(AccreditError):
                verify_x509_svid([leaf, *ISSUED.chain[1:]], BUNDLES, EPOCH)
