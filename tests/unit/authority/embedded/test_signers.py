from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.clock import EPOCH, FakeClock
from support.embedded import TRUST_DOMAIN

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import bundle_of, certificate, first, make, public_key
from accredit.authority.embedded.state import Kind, Phase
from accredit.identity.keys import KeyType, generate

_SETTINGS = EmbeddedSettings()
_KEY = generate(KeyType.EC_P256)


def _root(settings: EmbeddedSettings = _SETTINGS) -> x509.Certificate:
    key = generate(settings.key_type)
    return certificate(make(Kind.X509, key, TRUST_DOMAIN, settings.x509_policy(), EPOCH))


@pytest.mark.rows("SV-02", "SV-03", "SV-04", "XI-18", "XI-19")
def test_a_root_is_the_svid_of_its_trust_domain_and_has_no_path() -> None:
    names = _root().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    assert uris == ["spiffe://prod.example"]


@pytest.mark.rows("SV-08", "BE-20")
def test_a_root_is_signed_by_itself() -> None:
    root = _root()
    assert root.issuer == root.subject
    root.verify_directly_issued_by(root)


@pytest.mark.rows("XI-07")
def test_the_path_length_of_a_root_is_what_the_settings_say() -> None:
    for length in (0, 3, None):
        root = _root(EmbeddedSettings(path_length=length))
        basic = root.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert (basic.ca, basic.path_length) == (True, length)


@pytest.mark.parametrize("kind", list(KeyType))
def test_roots_are_made_with_the_kind_of_key_that_was_chosen(kind: KeyType) -> None:
    public = _root(EmbeddedSettings(key_type=kind)).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        assert kind == f"rsa-{public.key_size}"
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert kind == f"ec-p{public.key_size}"


def test_a_signer_begins_a_little_before_now_for_clocks_that_are_behind() -> None:
    made = make(Kind.X509, _KEY, TRUST_DOMAIN, _SETTINGS.x509_policy(), EPOCH)
    assert (made.not_before, made.not_after) == (
        EPOCH - timedelta(minutes=10),
        EPOCH + timedelta(days=30),
    )
    short = replace(
        _SETTINGS.x509_policy(),
        lifetime=timedelta(minutes=2),
        max_ttl=timedelta(seconds=20),
        publish_for=timedelta(seconds=5),
    )
    made = make(Kind.X509, _KEY, TRUST_DOMAIN, short, EPOCH + timedelta(milliseconds=900))
    assert made.not_before == EPOCH - timedelta(seconds=2)
    assert certificate(made).not_valid_before_utc == made.not_before
    assert certificate(made).not_valid_after_utc == made.not_after


@pytest.mark.rows("BE-26")
def test_the_first_root_and_the_first_jwt_key_have_keys_of_their_own() -> None:
    state, keys = first(TRUST_DOMAIN, _SETTINGS, FakeClock())
    root, jwt = state.signers
    assert (root.kind, jwt.kind) == (Kind.X509, Kind.JWT)
    assert root.phase is jwt.phase is Phase.ACTIVE
    assert public_key(root) == keys[root.kid].public_key()
    assert public_key(jwt) == keys[jwt.kid].public_key()
    assert public_key(root) != public_key(jwt)


@pytest.mark.rows("SV-01", "BE-02", "BE-05")
def test_the_first_bundle_has_a_root_a_jwt_key_a_sequence_and_a_refresh_hint() -> None:
    state, _ = first(TRUST_DOMAIN, _SETTINGS, FakeClock())
    bundle = bundle_of(state)
    assert bundle.x509_authorities == (certificate(state.signers[0]),)
    assert [jwt.key_id for jwt in bundle.jwt_authorities] == [state.signers[1].kid]
    assert bundle.sequence == state.sequence
    assert bundle.refresh_hint == timedelta(minutes=5)


def test_a_root_with_one_changed_byte_is_damaged() -> None:
    made = make(Kind.X509, _KEY, TRUST_DOMAIN, _SETTINGS.x509_policy(), EPOCH)
    flipped = bytearray(made.public)
    flipped[-1] ^= 1
    with pytest.raises(ValueError, match="its root certificate is damaged"):
        certificate(replace(made, public=bytes(flipped)))


def test_a_key_under_the_name_of_another_is_damaged() -> None:
    made = make(Kind.JWT, _KEY, TRUST_DOMAIN, _SETTINGS.jwt_policy(), EPOCH)
    with pytest.raises(ValueError, match="its jwt key 00 is damaged"):
        public_key(replace(made, kid="00"))
