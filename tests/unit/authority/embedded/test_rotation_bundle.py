"""What the rotation of signers makes the published bundle say, and when."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.clock import DAY, EPOCH, HOUR, MINUTE, FakeClock
from support.embedded import TRUST_DOMAIN, opened
from support.signer_life import living

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.identity.bundle import TrustBundle, encode_bundle


def _spki(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.rows("BE-26")
async def test_no_two_signers_ever_share_a_key(tmp_path: Path, clock: FakeClock) -> None:
    async with living(tmp_path, clock) as life:
        await life.until(EPOCH + 100 * DAY)
    roots = {root for _, bundle in life.bundles for root in bundle.x509_authorities}
    jwts = {jwt for _, bundle in life.bundles for jwt in bundle.jwt_authorities}
    keys = {_spki(root.public_key()) for root in roots} | {_spki(jwt.public_key) for jwt in jwts}
    assert len(keys) == len(roots) + len(jwts) > 8


@pytest.mark.rows("FS-19", "FS-20")
async def test_the_first_svid_of_a_new_root_comes_three_refresh_hints_after_its_publication(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Forced, and so as early as possible."""
    async with living(tmp_path, clock) as life:
        assert life.bundle.refresh_hint == timedelta(seconds=300)
        (first,) = life.bundle.x509_authorities
        await life.authority.rotate()
        new = life.bundle.x509_authorities[-1]
        await life.until(EPOCH + timedelta(seconds=899))
        assert (await life.sign()).issuer == first.subject
        await life.until(EPOCH + timedelta(seconds=900))
        assert (await life.sign()).issuer == new.subject


@pytest.mark.rows("FS-21")
async def test_an_old_root_is_published_until_the_last_svid_it_signed_has_ended(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        (first,) = life.bundle.x509_authorities
        await life.authority.rotate()
        await life.until(EPOCH + timedelta(seconds=899))
        last = await life.sign()
        await life.until(last.not_valid_after_utc)
        assert first in life.bundle.x509_authorities
        await life.until(last.not_valid_after_utc + 2 * MINUTE)
        assert first not in life.bundle.x509_authorities


@pytest.mark.rows("FS-18", "BE-25")
async def test_a_retired_key_is_left_out_of_the_next_document_under_a_higher_sequence(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        before = life.bundle
        (first,) = before.jwt_authorities
        await life.authority.rotate()
        await life.until(EPOCH + 2 * HOUR)
        assert first.key_id.encode() in encode_bundle(before)
        assert first.key_id.encode() not in encode_bundle(life.bundle)
        assert (life.bundle.sequence or 0) > (before.sequence or 0)


@pytest.mark.rows("BE-03", "BE-04")
async def test_the_sequence_grows_with_every_change_over_years_and_restarts(
    tmp_path: Path, clock: FakeClock
) -> None:
    seen: list[TrustBundle] = []
    for year in range(1, 4):
        async with living(tmp_path, clock) as life:
            await life.until(EPOCH + year * 365 * DAY)
            await life.authority.rotate()
        seen += [bundle for _, bundle in life.bundles]
    assert len({bundle.x509_authorities for bundle in seen}) > 100
    for before, after in pairwise(seen):
        content = (before.x509_authorities, before.jwt_authorities)
        same = content == (after.x509_authorities, after.jwt_authorities)
        assert before.sequence is not None
        assert after.sequence is not None
        assert after.sequence == before.sequence if same else after.sequence > before.sequence


@pytest.mark.rows("BE-04")
async def test_another_refresh_hint_is_another_sequence(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path, clock) as authority:
        before = authority.bundles[TRUST_DOMAIN].sequence
    with opened(tmp_path, clock, EmbeddedSettings(refresh_hint=HOUR)) as authority:
        bundle = authority.bundles[TRUST_DOMAIN]
        assert bundle.refresh_hint == HOUR
        assert (bundle.sequence or 0) > (before or 0)
    with opened(tmp_path, clock, EmbeddedSettings(refresh_hint=HOUR)) as authority:
        assert authority.bundles[TRUST_DOMAIN].sequence == bundle.sequence
