from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.clock import EPOCH, FakeClock
from support.embedded import TRUST_DOMAIN

from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.signers import Generate, first, make
from accredit.authority.embedded.state import Kind, State, activate, prepare, retire
from accredit.authority.embedded.vault import First, Keys, Vault
from accredit.identity.errors import StoreError
from accredit.identity.keys import KeyType, generate, to_pkcs8_pem
from accredit.identity.spiffe_id import TrustDomain

_FIRST = first(TRUST_DOMAIN, EmbeddedSettings(), FakeClock())


def _never(_: Generate) -> tuple[State, Keys]:
    raise AssertionError("made a second authority")


def _open(data_dir: Path, make_first: First = _never) -> Vault:
    return Vault.open(data_dir, TRUST_DOMAIN, make_first)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Return a data folder with an authority in it."""
    _open(tmp_path, lambda _: _FIRST).close()
    return tmp_path


@pytest.fixture
def vault(data_dir: Path) -> Iterator[Vault]:
    with closing(_open(data_dir)) as found:
        yield found


def _with_one_more(state: State) -> tuple[State, Keys]:
    key = generate(KeyType.EC_P256)
    signer = make(Kind.X509, key, TRUST_DOMAIN, EmbeddedSettings().x509_policy(), EPOCH)
    return prepare(state, signer, EPOCH), {signer.kid: key}


def _key_files(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "authority" / "keys").iterdir()}


def test_the_first_start_makes_an_authority_of_private_files(data_dir: Path) -> None:
    state, _ = _FIRST
    found = {
        str(path.relative_to(data_dir)): path.stat().st_mode & 0o777 for path in data_dir.rglob("*")
    }
    root, jwt = state.signers
    assert found == {
        "authority.lock": 0o600,
        "authority": 0o700,
        "authority/state.db": 0o600,
        "authority/keys": 0o700,
        f"authority/keys/x509-{root.kid}.key": 0o600,
        f"authority/keys/jwt-{jwt.kid}.key": 0o600,
    }


def test_later_starts_open_the_same_one(vault: Vault) -> None:
    state, keys = _FIRST
    assert vault.state == state
    assert {kid: to_pkcs8_pem(key) for kid, key in vault.keys.items()} == {
        kid: to_pkcs8_pem(key) for kid, key in keys.items()
    }


def test_a_first_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    state, keys = _FIRST
    impossible = replace(state, signers=state.signers * 2)
    with pytest.raises(StoreError, match="cannot be written: UNIQUE"):
        _open(tmp_path, lambda _: (impossible, keys))
    assert [path.name for path in tmp_path.iterdir()] == ["authority.lock"]


def test_what_a_first_start_that_was_killed_left_behind_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "authority.new" / "keys").mkdir(parents=True)
    (tmp_path / "authority.new" / "state.db").write_bytes(b"half")
    _open(tmp_path, lambda _: _FIRST).close()
    assert not (tmp_path / "authority.new").exists()


@pytest.mark.usefixtures("vault")
def test_a_second_process_is_refused(data_dir: Path) -> None:
    with pytest.raises(StoreError, match="is in use by another accredit"):
        _open(data_dir)


def test_another_trust_domain_is_refused(data_dir: Path) -> None:
    with pytest.raises(
        StoreError,
        match=r"state\.db: is the authority of trust domain prod\.example, not of other\.example; "
        r"set trust_domain back, or choose another data_dir",
    ):
        Vault.open(data_dir, TrustDomain("other.example"), _never)


def test_a_failed_open_lets_go_of_the_lock(data_dir: Path) -> None:
    (data_dir / "authority" / "state.db").chmod(0o644)
    with pytest.raises(StoreError, match="is open to other users"):
        _open(data_dir)
    (data_dir / "authority" / "state.db").chmod(0o600)
    _open(data_dir).close()


def test_a_new_signers_key_is_written_with_the_state(data_dir: Path, vault: Vault) -> None:
    state, keys = _with_one_more(vault.state)
    vault.save(state, keys)
    assert vault.state == state
    assert _key_files(data_dir) == {f"{each.kind}-{each.kid}.key" for each in state.signers}


def _with_an_old_root(data_dir: Path) -> tuple[str, str]:
    """Let a new root take over; return the key ids of old and new."""
    with closing(_open(data_dir)) as vault:
        state, keys = _with_one_more(vault.state)
        vault.save(state, keys)
        (new,) = keys
        old = state.active(Kind.X509).kid
        vault.save(activate(state, new, EPOCH, EPOCH))
    return old, new


def test_an_old_root_has_its_key_until_it_is_trusted_no_more(data_dir: Path) -> None:
    old, new = _with_an_old_root(data_dir)
    with closing(_open(data_dir)) as vault:
        assert {f"x509-{old}.key", f"x509-{new}.key"} <= _key_files(data_dir)
        assert {old, new} <= vault.keys.keys()
        vault.save(retire(vault.state, old, EPOCH))
        assert f"x509-{old}.key" not in _key_files(data_dir)
        assert old not in vault.keys
        assert f"x509-{new}.key" in _key_files(data_dir)


def test_an_old_root_whose_key_a_former_version_removed_is_no_damage(data_dir: Path) -> None:
    old, _ = _with_an_old_root(data_dir)
    (data_dir / "authority" / "keys" / f"x509-{old}.key").unlink()
    with closing(_open(data_dir)) as vault:
        vault.save(vault.state)
        assert old not in vault.keys


def test_a_save_that_fails_changes_nothing_and_may_be_tried_again(
    data_dir: Path, vault: Vault
) -> None:
    before = vault.state
    state, keys = _with_one_more(before)
    broken = replace(state, signers=(*state.signers, state.signers[0]))
    with pytest.raises(StoreError, match="cannot be written"):
        vault.save(broken, keys)
    assert vault.state is before
    assert set(vault.keys) == {signer.kid for signer in before.signers}
    vault.save(state, keys)
    assert vault.state == state
    assert len(_key_files(data_dir)) == 3


def test_keys_that_a_crash_left_behind_are_removed(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = data_dir / "authority" / "keys"
    for name in ("x509-00.key", "jwt-00.key.part", "README"):
        (folder / name).write_bytes(b"x")
    _open(data_dir).close()
    assert len(_key_files(data_dir)) == 3
    assert (folder / "README").exists()
    assert caplog.text.count("unused key removed") == 2


def test_a_key_that_cannot_be_removed_is_logged(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data_dir / "authority" / "keys" / "x509-00.key").mkdir()
    _open(data_dir).close()
    assert "unused key not removed" in caplog.text


def _first_key(data_dir: Path, kind: str = "x509") -> Path:
    (path,) = (data_dir / "authority" / "keys").glob(f"{kind}-*.key")
    return path


def _swap(data_dir: Path, kind: KeyType) -> None:
    _first_key(data_dir).write_bytes(to_pkcs8_pem(generate(kind)))


def _rename(path: Path, name: str) -> None:
    path.rename(path.with_name(name))


def _sql(data_dir: Path, statement: str) -> None:
    database = sqlite3.connect(data_dir / "authority" / "state.db")
    database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "authority" / "state.db").unlink(), r"state\.db: is missing; restore it"),
        (lambda d: (d / "authority" / "state.db").write_bytes(b""), r"state\.db: is empty"),
        (lambda d: _first_key(d).unlink(), r"x509-.*\.key: is missing; restore it from a backup"),
        (lambda d: _first_key(d, "jwt").unlink(), r"jwt-.*\.key: is missing"),
        (lambda d: _first_key(d).write_bytes(b""), r"x509-.*\.key: is empty"),
        (
            lambda d: _first_key(d).write_bytes(b"half"),
            r"x509-.*\.key: .*unencrypted PKCS",
        ),
        (
            lambda d: _first_key(d).write_bytes(_first_key(d).read_bytes()[:100]),
            r"x509-.*\.key: .*the key cannot be decoded",
        ),
        (partial(_swap, kind=KeyType.EC_P256), r"x509-.*\.key: does not fit the x509 key in state"),
        (partial(_swap, kind=KeyType.RSA_2048), r"x509-.*\.key: does not fit the x509 key in stat"),
        (lambda d: _first_key(d).chmod(0o640), r"x509-.*\.key: is open to other users"),
        (lambda d: (d / "authority").chmod(0o750), r"authority: is open to other users"),
        (lambda d: (d / "authority" / "keys").chmod(0o755), r"keys: is open to other users"),
        (lambda d: _rename(d / "authority" / "keys", "keyz"), r"keys: is missing"),
        (lambda d: d.chmod(0o777), r"can be written by others \(mode 0777\); run: chmod go-w"),
        (
            partial(_sql, statement="UPDATE signer SET public = x'00' WHERE kind = 'x509'"),
            r"state\.db: is damaged: .*; restore it from a backup",
        ),
        (
            partial(_sql, statement="UPDATE signer SET public = x'00' WHERE kind = 'jwt'"),
            r"state\.db: is damaged: .*; restore it from a backup",
        ),
    ],
)
def test_damage_is_an_error_that_names_the_file_and_never_a_new_authority(
    data_dir: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(data_dir)
    with pytest.raises(StoreError, match=message):
        _open(data_dir)


def test_an_empty_folder_in_its_place_is_damage(tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir(mode=0o700)
    with pytest.raises(StoreError, match=r"keys: is missing"):
        _open(tmp_path)


def test_a_link_in_its_place_is_damage_even_if_it_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "authority").symlink_to("nowhere")
    with pytest.raises(StoreError, match="authority: is not a folder"):
        _open(tmp_path)


def test_a_first_start_that_cannot_write_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "authority.new").symlink_to("nowhere")
    with pytest.raises(StoreError, match=r"authority\.new"):
        _open(tmp_path, lambda _: _FIRST)
