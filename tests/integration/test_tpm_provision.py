"""Sealed keys made beforehand, and recovered when the TPM or its registers are others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.swtpm import SoftwareTpm
from support.tpm_authority import SEALED, SEALED_TO_PCR, kept, plan, signs

from accredit.agent.tpm_provision import provision
from accredit.identity.errors import RequestError, StoreError


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
            await signs(authority, clock)


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
