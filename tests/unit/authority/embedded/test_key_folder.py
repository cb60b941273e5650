"""Keys that move from one way to another; test_vault.py has those that stay plain."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.clock import FakeClock
from support.embedded import TRUST_DOMAIN
from support.fake_sealer import FakeSealer

from accredit.authority.embedded.keeping import Way, Ways
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import first
from accredit.authority.embedded.vault import Vault
from accredit.identity.errors import StoreError
from accredit.identity.keys import to_pkcs8_der

_FIRST = first(TRUST_DOMAIN, EmbeddedSettings(), FakeClock())
_SEALER = FakeSealer()
_SEALED, _PLAIN = _SEALER.ways(), _SEALER.ways(Way.PLAIN)


@contextmanager
def _opened(data_dir: Path, ways: Ways) -> Iterator[Vault]:
    with closing(Vault.open(data_dir, TRUST_DOMAIN, lambda _: _FIRST, ways)) as vault:
        assert {kid: to_pkcs8_der(key) for kid, key in vault.keys.items()} == {
            kid: to_pkcs8_der(key) for kid, key in _FIRST[1].items()
        }
        yield vault


def _files(data_dir: Path) -> set[str]:
    keys = data_dir / "authority/keys"
    return {path.suffix for path in keys.iterdir()} | {
        path.name for path in (data_dir / "authority").glob("wrapping*")
    }


def test_the_first_start_seals_at_once(tmp_path: Path) -> None:
    with _opened(tmp_path, _SEALED):
        assert _files(tmp_path) == {".sealed", "wrapping.tpm"}
    with _opened(tmp_path, _SEALED):
        pass


def test_keys_move_when_the_configuration_has_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for ways, files in (
        (_PLAIN, {".key"}),
        (_SEALED, {".sealed", "wrapping.tpm"}),
        (_PLAIN, {".key"}),
    ):
        with _opened(tmp_path, ways):
            assert _files(tmp_path) == files
    assert caplog.text.count("key kept in another way now") == 4


@pytest.mark.parametrize(("before", "after"), [(_PLAIN, _SEALED), (_SEALED, _PLAIN)])
def test_a_move_that_was_cut_short_is_finished(tmp_path: Path, before: Ways, after: Ways) -> None:
    with _opened(tmp_path, before):
        pass
    authority = tmp_path / "authority"
    old = {path: path.read_bytes() for path in (authority / "keys").iterdir()}
    wrapping = authority / "wrapping.tpm"
    kept = wrapping.read_bytes() if wrapping.exists() else None
    with _opened(tmp_path, after):
        pass
    # As a crash before the old files went would leave it.
    for path, data in [*old.items(), *([(wrapping, kept)] if kept else [])]:
        path.write_bytes(data)
        path.chmod(0o600)
    (authority / "keys/x509-0.sealed.part").write_bytes(b"half")
    with _opened(tmp_path, after):
        assert len(list((authority / "keys").iterdir())) == 2


def test_a_sealed_key_that_was_put_in_anothers_place_is_refused(tmp_path: Path) -> None:
    with _opened(tmp_path, _SEALED):
        pass
    one, other = sorted((tmp_path / "authority/keys").iterdir())
    one.write_bytes(other.read_bytes())
    with (
        pytest.raises(StoreError, match=rf"{one.name}: .*wrapping\.tpm does not open it"),
        _opened(tmp_path, _SEALED),
    ):
        pass


def test_on_another_machine_nothing_opens_and_nothing_changes(tmp_path: Path) -> None:
    with _opened(tmp_path, _SEALED):
        pass
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.sealed")}
    other = FakeSealer(machine=b"other")
    for ways in (other.ways(), other.ways(Way.PLAIN)):
        with pytest.raises(StoreError, match="another machine sealed it"), _opened(tmp_path, ways):
            pass
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.sealed")} == before
