"""Rotation after restarts, suspends and jumps of the clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.clock import DAY, EPOCH, HOUR, MINUTE, FakeClock
from support.embedded import TRUST_DOMAIN, opened
from support.entries import entry
from support.signer_life import KEY, WEB, living

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Phase
from accredit.identity.errors import AuthorityUnavailableError
from accredit.identity.x509_verify import verify_x509_svid


async def test_after_a_restart_a_prepared_root_is_published_anew_for_long_enough(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        await life.authority.rotate()
        await life.until(EPOCH + 14 * MINUTE)
    clock.advance(DAY)
    async with living(tmp_path, clock) as life:
        began = clock.now()
        await life.sign()
        await life.until(began + 14 * MINUTE)
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
        await life.until(began + 15 * MINUTE)
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]


async def test_a_suspended_machine_publishes_nothing(tmp_path: Path, clock: FakeClock) -> None:
    """The wall clock goes on through a suspend, the monotonic one does not."""
    async with living(tmp_path, clock) as life:
        await life.authority.rotate()
        clock.jump(DAY)
        await life.sign()
        await life.settle()
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
        await life.until(clock.now() + 15 * MINUTE)
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]


async def test_a_jump_of_the_clock_is_noticed_at_once(tmp_path: Path, clock: FakeClock) -> None:
    async with living(tmp_path, clock) as life:
        clock.jump(16 * DAY)
        await life.settle()
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]


async def test_an_authority_that_slept_through_its_roots_end_has_a_new_one_at_once(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock) as authority:
        (first,) = authority.bundles[TRUST_DOMAIN].x509_authorities
    clock.advance(40 * DAY)
    with (
        opened(tmp_path, clock) as authority,
        pytest.raises(
            AuthorityUnavailableError,
            match=r"the x509 signer is valid from 2025-12-31 .* only, and the clock says",
        ),
    ):
        await authority.sign_x509(WEB, KEY)
    async with living(tmp_path, clock) as life:
        leaf = await life.sign()
        assert leaf.issuer != first.subject
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
        assert life.authority.signer_generation == 1


async def test_before_a_clock_that_was_set_back_nothing_is_signed_until_somebody_decides(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        clock.jump(-400 * DAY)
        await life.settle()
        with pytest.raises(AuthorityUnavailableError, match="set the clock, or run: accredit ca"):
            await life.sign()
        with pytest.raises(AuthorityUnavailableError, match="the jwt signer is valid from"):
            await life.authority.sign_jwt(WEB, ["db"])
        await life.authority.rotate()
        await life.until(clock.now() + 15 * MINUTE)
        verify_x509_svid([await life.sign()], life.authority.bundles, clock.now())


async def test_what_a_process_that_crashed_had_signed_counts_as_long_as_it_can_be(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Forced right after the restart, when this process has signed nothing itself."""
    with opened(tmp_path, clock) as authority:
        (leaf,) = await authority.sign_x509(entry("/web", ttl=DAY), KEY)
    async with living(tmp_path, clock) as life:
        await life.authority.rotate()
        await life.until(leaf.not_valid_after_utc - MINUTE)
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
        await life.until(leaf.not_valid_after_utc + 2 * MINUTE)
        assert len(life.bundle.x509_authorities) == 1


async def test_what_was_signed_under_longer_limits_counts_for_as_long_as_those(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock, EmbeddedSettings(max_x509_ttl=2 * DAY)) as authority:
        (leaf,) = await authority.sign_x509(entry("/web", ttl=2 * DAY), KEY)
    async with living(tmp_path, clock, EmbeddedSettings(max_x509_ttl=HOUR)) as life:
        await life.authority.rotate()
        await life.until(leaf.not_valid_after_utc - MINUTE)
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
