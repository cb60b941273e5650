"""An authority with its keys in a TPM, or sealed to one, and what happens to both."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as _Ec
from cryptography.hazmat.primitives.serialization import Encoding
from support import swtpm
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN, running, settle
from support.entries import entry
from support.swtpm import SoftwareTpm
from support.tpm_authority import SEALED, SEALED_TO_PCR, kept, key_files, plan

from accredit.agent.revocation_admin import RevocationAdministration
from accredit.agent.tpm_provision import provision
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.state import Kind
from accredit.identity.errors import (
    AuthorityUnavailableError,
    RequestError,
    StoreError,
    TpmUnavailableError,
    X509SvidError,
)
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_verify import verify_x509_svid

_WEB = entry("/web", ttl=timedelta(minutes=10), jwt_ttl=timedelta(minutes=5))
_KEY = generate(KeyType.EC_P256).public_key()


@pytest.fixture
def tpm() -> Iterator[SoftwareTpm]:
    with swtpm.running() as tpm:
        yield tpm


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def _signs(authority: EmbeddedAuthority, clock: FakeClock) -> None:
    """Sign one of each, as the rest of the world verifies them."""
    (leaf,) = await authority.sign_x509(_WEB, _KEY)
    token = await authority.sign_jwt(_WEB, ["db"])
    verify_x509_svid([leaf], authority.bundles, clock.now())
    validate_jwt_svid(token.token, ["db"], authority.bundles, clock.now())


def _roots(authority: EmbeddedAuthority) -> list[bytes]:
    roots = authority.bundles[TRUST_DOMAIN].x509_authorities
    return [root.public_bytes(Encoding.DER) for root in roots]


async def _live_until_replaced(authority: EmbeddedAuthority, clock: FakeClock) -> None:
    """Let time pass until another root and JWT key have taken over and are alone."""
    before = authority._vault.state.signers
    async with running(authority):
        await settle(clock)
        while set(before) & set(authority._vault.state.signers) or len(
            authority._vault.state.signers
        ) != len(before):
            assert clock.next_wake is not None
            clock.advance(clock.next_wake - clock.now())
            await settle(clock)
            await _signs(authority, clock)


async def test_keys_in_the_tpm_sign_through_a_whole_rotation(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        await _signs(authority, clock)
        await _live_until_replaced(authority, clock)
        assert key_files(tmp_path) == {"x509.tpm", "jwt.tpm"}
        roots = _roots(authority)
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        assert _roots(authority) == roots
        await _signs(authority, clock)
    assert tpm.loaded() == 0


async def test_while_the_tpm_is_away_nothing_is_signed_and_nothing_breaks(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        before = _roots(authority)
        tpm.kill()
        with pytest.raises(AuthorityUnavailableError, match=r"the TPM at swtpm:.* does not answer"):
            await authority.sign_x509(_WEB, _KEY)
        with pytest.raises(AuthorityUnavailableError, match="does not answer"):
            await authority.sign_jwt(_WEB, ["db"])
        with pytest.raises(AuthorityUnavailableError, match="does not answer"):
            await authority.rotate()
        assert _roots(authority) == before
        tpm.start()
        await _signs(authority, clock)
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
            await _signs(authority, clock)


async def test_a_slow_tpm_leaves_the_event_loop_to_others(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        tpm.freeze()
        async with asyncio.TaskGroup() as group:
            signing = group.create_task(authority.sign_x509(_WEB, _KEY))
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
        before, files = _roots(authority), key_files(tmp_path)
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        assert _roots(authority) == before
        assert key_files(tmp_path) == files
        await _live_until_replaced(authority, clock)
        assert key_files(tmp_path) == {"x509.tpm", "jwt.tpm"}
        assert not (tmp_path / "data/authority/wrapping.tpm").exists()
    with kept(tmp_path, clock, disk, tpm) as authority:
        assert key_files(tmp_path) == {"x509.tpm", "jwt.tpm"}
        await _live_until_replaced(authority, clock)
        assert key_files(tmp_path) == files


async def test_plain_keys_are_sealed_and_unsealed_again_by_a_restart(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "disk", tpm) as authority:
        before = _roots(authority)
        keys_before = authority._vault.keys.values()
        numbers = [key.private_numbers() for key in keys_before if isinstance(key, _Ec)]
        secrets = [number.private_value.to_bytes(32) for number in numbers]
    for keys, files in (
        (SEALED_TO_PCR, {"x509.sealed", "jwt.sealed"}),
        (SEALED, {"x509.sealed", "jwt.sealed"}),
        ("disk", {"x509.key", "jwt.key"}),
    ):
        with kept(tmp_path, clock, keys, tpm) as authority:
            assert _roots(authority) == before
            assert key_files(tmp_path) == files
            await _signs(authority, clock)
        if keys != "disk":
            everything = b"".join(
                path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()
            )
            assert not any(secret in everything for secret in secrets)
    assert not (tmp_path / "data/authority/wrapping.tpm").exists()


async def test_sealed_keys_need_the_tpm_at_the_start_only(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
        tpm.kill()
        await _live_until_replaced(authority, clock)
        assert key_files(tmp_path) == {"x509.sealed", "jwt.sealed"}
    with (
        pytest.raises(TpmUnavailableError, match="does not answer"),
        kept(tmp_path, clock, SEALED_TO_PCR, tpm),
    ):
        pass
    tpm.start()
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
        await _signs(authority, clock)


async def test_changed_registers_refuse_and_a_restored_one_does_not(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm):
        pass
    tpm.extend()
    with (
        pytest.raises(
            StoreError,
            match=r"wrapping\.tpm: is sealed to other values of PCR 16 than the machine has now.*"
            r"boot the old one, or run: accredit tpm provision --recover FILE",
        ),
        kept(tmp_path, clock, SEALED_TO_PCR, tpm),
    ):
        pass
    tpm.restart()
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
        await _signs(authority, clock)
    assert tpm.loaded() == 0


async def test_the_recovery_key_opens_on_changed_registers_and_on_another_tpm(
    tmp_path: Path, tpm: SoftwareTpm
) -> None:
    clock = FakeClock(datetime.now(UTC))
    found, key = plan(tmp_path, SEALED_TO_PCR, tpm), tmp_path / "recovery"
    assert provision(found, recovery_key=key, recover=None)["keys"] == {
        "plain": 0,
        "sealed": 2,
        "tpm": 0,
    }
    assert key.stat().st_mode & 0o777 == 0o600
    for change in (tpm.extend, tpm.exchange):
        change()
        with pytest.raises(StoreError), kept(tmp_path, clock, SEALED_TO_PCR, tpm):
            pass
        provision(found, recovery_key=None, recover=key)
        with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
            await _signs(authority, clock)


def test_a_wrong_recovery_key_changes_nothing(tmp_path: Path, tpm: SoftwareTpm) -> None:
    found, others = (plan(tmp_path / name, SEALED, tpm) for name in ("one", "other"))
    theirs, junk = tmp_path / "theirs", tmp_path / "junk"
    provision(others, recovery_key=theirs, recover=None)
    with pytest.raises(StoreError, match=r"authority: is missing; run accredit tpm provision"):
        provision(found, recovery_key=None, recover=theirs)
    provision(found, recovery_key=None, recover=None)
    before = (found.data_dir / "authority/wrapping.tpm").read_bytes()
    with pytest.raises(StoreError, match=r"does not open .*; take the recovery key of this folder"):
        provision(found, recovery_key=None, recover=theirs)
    junk.touch(mode=0o600)
    junk.write_text("accredit recovery key 1: 00")
    with pytest.raises(StoreError, match="junk: is no recovery key"):
        provision(found, recovery_key=None, recover=junk)
    with pytest.raises(StoreError, match="theirs: is there already"):
        provision(found, recovery_key=theirs, recover=None)
    assert (found.data_dir / "authority/wrapping.tpm").read_bytes() == before


def test_only_sealed_keys_have_a_recovery_key(tmp_path: Path, tpm: SoftwareTpm) -> None:
    with pytest.raises(RequestError, match="only sealed keys have a recovery key"):
        provision(plan(tmp_path, "tpm", tpm), recovery_key=tmp_path / "key", recover=None)


def test_a_running_agent_is_not_provisioned(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    key = tmp_path / "key"
    provision(plan(tmp_path, SEALED, tpm), recovery_key=key, recover=None)
    with kept(tmp_path, clock, SEALED, tpm):
        for recover in (None, key):
            with pytest.raises(StoreError, match="in use by another accredit"):
                provision(plan(tmp_path, SEALED, tpm), recovery_key=None, recover=recover)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, r"wrapping\.tpm: is missing; restore it from a backup, or run: accredit tpm"),
        (lambda path: path.write_text("{}"), r"wrapping\.tpm: is damaged: expected a secret that"),
        (lambda path: path.write_text("[]"), r"wrapping\.tpm: is damaged"),
        (
            lambda path: path.write_text(
                re.sub('"public": "[^"]{8}', '"public": "', path.read_text())
            ),
            r"wrapping\.tpm: is damaged: .* public area",
        ),
    ],
)
def test_a_damaged_wrapping_key_is_named_with_its_cure(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock, damage: object, words: str
) -> None:
    assert callable(damage)
    with kept(tmp_path, clock, SEALED, tpm):
        pass
    damage(tmp_path / "data/authority/wrapping.tpm")
    with pytest.raises(StoreError, match=words), kept(tmp_path, clock, SEALED, tpm):
        pass


@pytest.mark.parametrize("keys", ["tpm", SEALED])
async def test_what_such_an_authority_signed_it_revokes(
    tmp_path: Path, clock: FakeClock, tpm: SoftwareTpm, keys: str
) -> None:
    with kept(tmp_path, clock, keys, tpm) as authority:
        (leaf,) = await authority.sign_x509(_WEB, _KEY)
        async with running(authority):
            revoke = RevocationAdministration(authority, clock).methods["revoke.svid"]
            answer = await revoke({"serial": f"{leaf.serial_number:x}"})
            assert (len(answer["revoked"]), answer["problem"]) == (1, "")
        with pytest.raises(X509SvidError, match="its authority has revoked it"):
            verify_x509_svid([leaf], authority.bundles, clock.now())
        await _signs(authority, clock)


async def test_a_tpm_that_hangs_holds_up_no_revocation_and_no_agent(
    tmp_path: Path, clock: FakeClock, tpm: SoftwareTpm
) -> None:
    with kept(tmp_path, clock, "tpm", tpm) as authority:
        (leaf,) = await authority.sign_x509(_WEB, _KEY)
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
