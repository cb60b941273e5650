"""Rotation while nothing can be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.clock import DAY, EPOCH, MINUTE, FakeClock
from support.signer_life import living

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.state import Phase
from accredit.identity.x509_verify import verify_x509_svid


@contextmanager
def _broken_disk(authority: EmbeddedAuthority) -> Iterator[None]:
    """Let SQLite itself refuse every write."""
    database = authority._vault._store._database
    database.execute("PRAGMA query_only = 1")
    yield
    database.execute("PRAGMA query_only = 0")


async def test_a_step_that_cannot_be_saved_is_tried_again_while_the_old_root_signs(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(tmp_path, clock) as life:
        await life.until(EPOCH + 15 * DAY - 6 * MINUTE)
        with _broken_disk(life.authority):
            await life.until(EPOCH + 15 * DAY)
            assert life.phases() == [Phase.ACTIVE]
            verify_x509_svid([await life.sign()], life.authority.bundles, clock.now())
            failures = [r for r in caplog.records if "signers not rotated" in r.message]
            waits = [record.__dict__["retry_in"] for record in failures]
            assert waits[:7] == [f"0:00:{n:02}" for n in (1, 2, 4, 8, 16, 32)] + ["0:01:00"]
            assert "attempt to write a readonly database" in failures[0].__dict__["error"]
        await life.until(EPOCH + 15 * DAY + 2 * MINUTE)
        assert life.phases() == [Phase.ACTIVE, Phase.PREPARED]
    keys = list((tmp_path / "authority" / "keys").iterdir())
    assert len(keys) == 4


async def test_a_rotation_that_cannot_be_saved_says_so_and_changes_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        before = life.bundle
        with _broken_disk(life.authority), pytest.raises(Exception, match="cannot be written"):
            await life.authority.rotate()
        assert life.bundle is before
        assert (await life.authority.rotate()).started


async def test_signing_writes_nothing_so_that_a_full_disk_stops_no_signature(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        saved = life.authority._vault.state
        with _broken_disk(life.authority):
            leaf = await life.sign()
        assert life.authority._vault.state is saved
        verify_x509_svid([leaf], life.authority.bundles, clock.now())
