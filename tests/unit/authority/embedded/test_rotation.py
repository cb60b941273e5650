"""Every step of a signer's life, seen from outside: bundles, SVIDs, generation, log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from support.clock import DAY, EPOCH, MINUTE, FakeClock
from support.embedded import opened
from support.signer_life import WEB, living

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Kind, Phase
from accredit.identity.errors import X509SvidError
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_verify import verify_x509_svid


async def test_a_root_lives_through_three_steps_in_time(tmp_path: Path, clock: FakeClock) -> None:
    async with living(tmp_path, clock) as life:
        (first,) = life.bundle.x509_authorities
        await life.until(EPOCH + 14 * DAY)
        assert life.phases() == [Phase.ACTIVE]
        await life.until(EPOCH + 15 * DAY)
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
        assert life.bundle.x509_authorities[0] == first
        await life.until(EPOCH + 25 * DAY - 5 * MINUTE)
        assert (await life.sign()).issuer == first.subject
        await life.until(EPOCH + 25 * DAY)
        second = life.bundle.x509_authorities[1]
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]
        assert (await life.sign()).issuer == second.subject
        await life.until(EPOCH + 27 * DAY)
        assert life.bundle.x509_authorities == (second,)
        assert life.authority.signer_generation == 0


async def test_a_jwt_key_lives_the_same_life(tmp_path: Path, clock: FakeClock) -> None:
    async with living(tmp_path, clock) as life:
        (first,) = life.bundle.jwt_authorities
        await life.until(EPOCH + 15 * DAY)
        assert life.phases(Kind.JWT) == [Phase.ACTIVE, Phase.PREPARED]
        await life.until(EPOCH + 25 * DAY - 5 * MINUTE)
        token = await life.authority.sign_jwt(WEB, ["db"])
        await life.until(EPOCH + 25 * DAY)
        assert life.phases(Kind.JWT) == [Phase.OLD, Phase.ACTIVE]
        assert life.bundle.jwt_authorities[0] == first
        await life.until(EPOCH + 27 * DAY)
        assert first not in life.bundle.jwt_authorities
        with pytest.raises(Exception, match="kid"):
            validate_jwt_svid(token.token, ["db"], life.authority.bundles, token.issued_at)


async def test_each_step_is_logged_once(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with living(tmp_path, clock) as life:
        await life.until(EPOCH + 27 * DAY)
        state = life.authority._vault.state
    steps = [
        (record.message.partition(":")[0], record.__dict__["kid"])
        for record in caplog.records
        if record.__dict__.get("kind") == "x509"
    ]
    new = state.active(Kind.X509).kid
    assert [step for step, _ in steps] == [
        "signer prepared",
        "signer activated",
        "signer retired",
    ]
    assert [kid == new for _, kid in steps] == [True, True, False]


async def test_old_svids_are_refused_once_their_root_is_gone(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        leaf = await life.sign()
        await life.until(EPOCH + 27 * DAY)
        with pytest.raises(X509SvidError):
            verify_x509_svid([leaf], life.authority.bundles, EPOCH)


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P384])
async def test_the_next_root_has_the_kind_of_key_that_is_configured_by_then(
    tmp_path: Path, clock: FakeClock, kind: KeyType
) -> None:
    with opened(tmp_path, clock):
        pass
    settings = EmbeddedSettings(key_type=kind, jwt_key_type=kind)
    async with living(tmp_path, clock, settings) as life:
        await life.authority.rotate()
        await life.until(EPOCH + 15 * MINUTE)
        leaf = await life.sign()
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
        token = await life.authority.sign_jwt(WEB, ["db"])
        validate_jwt_svid(token.token, ["db"], life.authority.bundles, clock.now())
        root = life.bundle.x509_authorities[-1]
        assert isinstance(root.public_key(), type(generate(kind).public_key()))
