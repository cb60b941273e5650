"""An authority with its keys in a TPM, what happens to both, and how they move in and out."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from support import swtpm
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN, running, settle
from support.swtpm import SoftwareTpm
from support.tpm_authority import (
    KEY,
    SEALED,
    WEB,
    kept,
    key_files,
    live_until_replaced,
    roots_of,
    signs,
)

from accredit.agent.revocation_admin import RevocationAdministration
from accredit.authority.embedded.state import Kind
from accredit.identity.errors import (
    AuthorityUnavailableError,
    StoreError,
    TpmUnavailableError,
    X509SvidError,
)
from accredit.identity.x509_verify import verify_x509_svid


async def test_keys_in_the_tpm_sign_through_a_whole_rotation(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        await signs(authority, clock)
        await live_until_replaced(authority, clock)
        assert key_files(tmp_path) == {"x509.tpm", "jwt.tpm"}
        roots = roots_of(authority)
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        assert roots_of(authority) == roots
        await signs(authority, clock)
    assert tpm.loaded() == 0


async def test_while_the_tpm_is_away_nothing_is_signed_and_nothing_breaks(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        before = roots_of(authority)
        tpm.kill()
        with pytest.raises(AuthorityUnavailableError, match=r"the TPM at swtpm:.* does not answer"):
            await authority.sign_x509(WEB, KEY)
        with pytest.raises(AuthorityUnavailableError, match="does not answer"):
            await authority.sign_jwt(WEB, ["db"])
        with pytest.raises(AuthorityUnavailableError, match="does not answer"):
            await authority.rotate()
        assert roots_of(authority) == before
        tpm.start()
        await signs(authority, clock)
        assert (await authority.rotate()).started


async def test_a_rotation_that_falls_due_while_the_tpm_is_away_is_made_up_for(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        async with running(authority) as task:
            await settle(clock)
            tpm.kill()
            clock.advance(timedelta(days=15, minutes=1))
            await settle(clock)
            assert "signers not rotated; trying again" in caplog.text
            assert not task.done()
            tpm.start()
            clock.advance(timedelta(minutes=2))
            await settle(clock)
            assert authority._vault.state.prepared(Kind.X509)
            await signs(authority, clock)


async def test_a_slow_tpm_leaves_the_event_loop_to_others(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        tpm.freeze()
        async with asyncio.TaskGroup() as group:
            signing = group.create_task(authority.sign_x509(WEB, KEY))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not signing.done()
            tpm.thaw()


async def test_a_copied_folder_is_useless_on_another_tpm(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm):
        pass
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "data", copy / "data")
    with (
        swtpm.running() as other,
        pytest.raises(
            StoreError,
            match=r"x509-\w+\.tpm: the TPM at .* did not make it, or was cleared since; bring back",
        ),
        kept(copy, clock, "tpm", other),
    ):
        pass


async def test_a_tpm_that_is_missing_at_the_start_is_named_and_nothing_made(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    tpm.kill()
    with pytest.raises(TpmUnavailableError, match=tpm.device), kept(tmp_path, clock, "tpm", tpm):
        pass
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["authority.lock"]


@pytest.mark.parametrize("disk", ["disk", SEALED])
async def test_keys_move_into_the_tpm_and_out_of_it_with_rotations(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock, disk: str
) -> None:
    with kept(tmp_path, clock, disk, tpm) as authority:
        before, files = roots_of(authority), key_files(tmp_path)
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        assert roots_of(authority) == before
        assert key_files(tmp_path) == files
        await live_until_replaced(authority, clock)
        assert key_files(tmp_path) == {"x509.tpm", "jwt.tpm"}
        assert not (tmp_path / "data/authority/wrapping.tpm").exists()
    with kept(tmp_path, clock, disk, tpm) as authority:
        assert key_files(tmp_path) == {"x509.tpm", "jwt.tpm"}
        await live_until_replaced(authority, clock)
        assert key_files(tmp_path) == files


@pytest.mark.parametrize("keys", ["tpm", SEALED])
async def test_what_such_an_authority_signed_it_revokes(
    tmp_path: Path, clock: FakeClock, tpm: SoftwareTpm, keys: str
) -> None:
    with kept(tmp_path, clock, keys, tpm) as authority:
        (leaf,) = await authority.sign_x509(WEB, KEY)
        async with running(authority):
            revoke = RevocationAdministration(authority, clock).methods["revoke.svid"]
            answer = await revoke({"serial": f"{leaf.serial_number:x}"})
            assert (len(answer["revoked"]), answer["problem"]) == (1, "")
        with pytest.raises(X509SvidError, match="its authority has revoked it"):
            verify_x509_svid([leaf], authority.bundles, clock.now())
        await signs(authority, clock)


async def test_a_tpm_that_hangs_holds_up_no_revocation_and_no_agent(
    tmp_path: Path, clock: FakeClock, tpm: SoftwareTpm
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        (leaf,) = await authority.sign_x509(WEB, KEY)
        found = authority.revocations.find(leaf.serial_number)
        assert found is not None
        async with running(authority):
            tpm.freeze()
            try:
                authority.revocations.revoke(found)
                await authority.revocations.settled(timedelta(seconds=0.1))
                assert "is being signed" in authority.revocations.problem
            finally:
                tpm.thaw()
            await authority.revocations.settled(timedelta(minutes=1))
            assert authority.revocations.problem == ""
            assert len(authority.bundles[TRUST_DOMAIN].crls) == 1
