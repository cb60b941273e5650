from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN
from support.fake_sealer import FakeSealer

from accredit.authority.embedded import recovery
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import first
from accredit.authority.embedded.vault import Vault
from accredit.identity.errors import StoreError

_HERE, _ELSEWHERE = FakeSealer(), FakeSealer(machine=b"other")


def _open(data_dir: Path, sealer: FakeSealer) -> None:
    make = partial(first, TRUST_DOMAIN, EmbeddedSettings(), FakeClock())
    with closing(Vault.open(data_dir, TRUST_DOMAIN, make, sealer.ways())):
        pass


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    data_dir = tmp_path / "data"
    _open(data_dir, _HERE)
    return data_dir


def test_what_was_exported_opens_the_folder_elsewhere(data_dir: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    recovery.export(data_dir, _HERE, key)
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(StoreError):
        _open(data_dir, _ELSEWHERE)
    recovery.recover(data_dir, _ELSEWHERE, key)
    _open(data_dir, _ELSEWHERE)


def test_a_lost_wrapping_key_is_made_good(data_dir: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    recovery.export(data_dir, _HERE, key)
    (data_dir / "authority/wrapping.tpm").unlink()
    recovery.recover(data_dir, _HERE, key)
    _open(data_dir, _HERE)


def test_nothing_is_overwritten(data_dir: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("mine")
    with pytest.raises(StoreError, match="key: is there already; choose another file"):
        recovery.export(data_dir, _HERE, key)
    assert key.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "is no recovery key; take the file of provision --recovery-key"),
        ("accredit recovery key 1: " + "0" * 63, "is no recovery key"),
        ("accredit recovery key 1: " + "0" * 64, "does not open .*; take the recovery key of this"),
    ],
)
def test_what_is_no_recovery_key_changes_nothing(
    data_dir: Path, tmp_path: Path, text: str, words: str
) -> None:
    key = tmp_path / "key"
    key.write_text(text)
    key.chmod(0o600)
    with pytest.raises(StoreError, match=words):
        recovery.recover(data_dir, _HERE, key)
    _open(data_dir, _HERE)


def test_a_recovery_key_that_others_can_read_is_refused(data_dir: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    recovery.export(data_dir, _HERE, key)
    key.chmod(0o644)
    with pytest.raises(StoreError, match="open to other users"):
        recovery.recover(data_dir, _HERE, key)


def test_a_folder_without_sealed_keys_has_nothing_to_recover(
    data_dir: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    recovery.export(data_dir, _HERE, key)
    for path in (data_dir / "authority/keys").iterdir():
        path.unlink()
    with pytest.raises(StoreError, match="has no sealed keys"):
        recovery.recover(data_dir, _HERE, key)
    with pytest.raises(StoreError, match="is missing; run accredit tpm provision"):
        recovery.recover(tmp_path / "nowhere", _HERE, key)
