from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.identity.keys import KeyType

_HOUR = timedelta(hours=1)


@pytest.mark.rows("SV-11")
def test_what_nobody_chose_is_thirty_days_of_ca_and_short_svids() -> None:
    settings = EmbeddedSettings()
    assert settings.ca_lifetime == timedelta(days=30)
    assert settings.x509_policy().key_type is KeyType.EC_P256
    assert settings.x509_policy().max_ttl == timedelta(days=1)
    assert settings.jwt_policy().max_ttl == _HOUR


def test_a_signer_is_published_for_three_refresh_hints_before_it_signs() -> None:
    settings = EmbeddedSettings(refresh_hint=timedelta(minutes=10))
    assert settings.x509_policy().publish_for == timedelta(minutes=30)
    assert settings.jwt_policy().publish_for == timedelta(minutes=30)


def test_how_long_it_is_published_may_be_chosen() -> None:
    settings = EmbeddedSettings(publish_for=timedelta(seconds=2))
    assert settings.x509_policy().publish_for == timedelta(seconds=2)


@given(st.integers(16, 10**9))
def test_everything_that_follows_from_a_lifetime_fits_into_it(seconds: int) -> None:
    lifetime = timedelta(seconds=seconds)
    policy = EmbeddedSettings(ca_lifetime=lifetime, jwt_key_lifetime=lifetime).x509_policy()
    assert policy.publish_for + policy.max_ttl <= lifetime / 2
    assert policy.publish_for >= timedelta(seconds=2)
    assert policy.max_ttl >= timedelta(seconds=6)


def test_a_ca_too_short_for_its_svids_is_refused_and_the_numbers_named() -> None:
    with pytest.raises(
        ValueError, match=r"lifetime of 2h is too short: .* publish_for \(15m\) .* SVID \(1h\)"
    ):
        EmbeddedSettings(ca_lifetime=2 * _HOUR, max_x509_ttl=_HOUR)


def test_jwt_keys_have_settings_of_their_own() -> None:
    settings = EmbeddedSettings(
        jwt_key_type=KeyType.EC_P384, jwt_key_lifetime=4 * _HOUR, max_jwt_ttl=_HOUR
    )
    assert settings.jwt_policy().key_type is KeyType.EC_P384
    assert settings.x509_policy().key_type is KeyType.EC_P256
    with pytest.raises(ValueError, match="too short"):
        EmbeddedSettings(jwt_key_lifetime=_HOUR, max_jwt_ttl=_HOUR)


def test_a_signer_of_some_seconds_is_refused() -> None:
    with pytest.raises(ValueError, match="a signer's lifetime is at least 16s"):
        EmbeddedSettings(ca_lifetime=timedelta(seconds=15))
