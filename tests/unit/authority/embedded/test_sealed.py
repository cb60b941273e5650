from __future__ import annotations

from pathlib import Path

import pytest
from support.fake_sealer import FakeSealer

from accredit.authority.embedded.sealed import SealedKeeper, open_sealed, wrapping_key
from accredit.identity.errors import PrivateKeyError, StoreError
from accredit.identity.keys import KeyType, generate, to_pkcs8_der

_KEY = generate(KeyType.EC_P256)
_KEEPER = SealedKeeper(b"w" * 32)
_SEALED = _KEEPER.pack("x509-1.sealed", _KEY)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048])
def test_a_key_comes_back_under_its_name(kind: KeyType) -> None:
    key = _KEEPER.generate(kind)
    again = _KEEPER.unpack("a.sealed", _KEEPER.pack("a.sealed", key))
    assert to_pkcs8_der(again) == to_pkcs8_der(key)


def test_no_two_files_are_alike() -> None:
    assert _KEEPER.pack("x509-1.sealed", _KEY) != _SEALED


def test_under_another_name_or_with_another_wrapping_key_it_does_not_open() -> None:
    for keeper, name in ((_KEEPER, "jwt-1.sealed"), (SealedKeeper(b"v" * 32), "x509-1.sealed")):
        with pytest.raises(PrivateKeyError, match=r"wrapping\.tpm does not open it"):
            keeper.unpack(name, _SEALED)


def test_a_file_with_any_byte_changed_or_cut_off_is_refused() -> None:
    for at in range(len(_SEALED)):
        changed = bytearray(_SEALED)
        changed[at] ^= 1
        for data in (bytes(changed), _SEALED[:at]):
            with pytest.raises(PrivateKeyError):
                _KEEPER.unpack("x509-1.sealed", data)


def test_the_first_keeper_makes_the_wrapping_key_and_later_ones_use_it(authority: Path) -> None:
    sealer = FakeSealer()
    sealed = open_sealed(authority, sealer).pack("a.sealed", _KEY)
    assert (authority / "wrapping.tpm").stat().st_mode & 0o777 == 0o600
    open_sealed(authority, sealer).unpack("a.sealed", sealed)


def test_no_second_wrapping_key_is_made_for_keys_of_a_lost_one(authority: Path) -> None:
    (authority / "keys/x509-1.sealed").write_bytes(_SEALED)
    with pytest.raises(
        StoreError, match=r"wrapping\.tpm: is missing; restore it from a backup, or run: accredit"
    ):
        open_sealed(authority, FakeSealer())
    assert not (authority / "wrapping.tpm").exists()


def test_the_sealers_refusal_names_the_file(authority: Path) -> None:
    open_sealed(authority, FakeSealer())
    with pytest.raises(StoreError, match=r"wrapping\.tpm: another machine sealed it; go there"):
        open_sealed(authority, FakeSealer(machine=b"other"))
    with pytest.raises(StoreError, match="another machine"):
        open_sealed(authority, FakeSealer(state=b"other kernel"))


def test_what_should_be_sealed_otherwise_now_is_sealed_again(authority: Path) -> None:
    file = authority / "wrapping.tpm"
    open_sealed(authority, FakeSealer())
    secret = wrapping_key(file, FakeSealer())
    file.chmod(0o400)
    before = file.stat().st_ino
    assert wrapping_key(file, FakeSealer(current=False)) == secret
    assert file.stat().st_ino != before
    assert wrapping_key(file, FakeSealer()) == secret
