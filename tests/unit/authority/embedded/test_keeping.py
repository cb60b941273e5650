from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from support.remote_key import KeyElsewhere

from accredit.authority.embedded.keeping import PlainKeeper, Way, Ways, in_time
from accredit.identity.errors import (
    AuthorityUnavailableError,
    PrivateKeyError,
    StoreError,
    TpmError,
    TpmUnavailableError,
)
from accredit.identity.keys import KeyType, generate

_EC, _RSA = generate(KeyType.EC_P256), generate(KeyType.RSA_2048)
_REMOTE = KeyElsewhere()


def _sign() -> bytes:
    return _REMOTE.sign(b"x", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("key", [_EC, _RSA])
async def test_local_keys_sign_where_they_are(key: ec.EllipticCurvePrivateKey) -> None:
    assert await in_time(key, lambda: 5) == 5


async def test_keys_elsewhere_sign_there() -> None:
    assert await in_time(_REMOTE, _sign)
    assert _REMOTE.runs == 1


@pytest.mark.parametrize("error", [TpmError("refuses", "ask"), TpmUnavailableError("is away")])
async def test_what_keeps_them_is_away_means_nobody_can_sign(error: Exception) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(AuthorityUnavailableError, match=str(error)):
        await in_time(_REMOTE, fails)


async def test_other_errors_stay_what_they_are() -> None:
    def fails() -> None:
        raise StoreError("/f", "is full")

    with pytest.raises(StoreError):
        await in_time(_REMOTE, fails)


def test_local_keys_move_to_the_chosen_way_and_neither_into_a_tpm_nor_out_of_it() -> None:
    assert Ways(Way.SEALED).way_of(_EC, Way.PLAIN) is Way.SEALED
    assert Ways(Way.PLAIN).way_of(_EC, Way.SEALED) is Way.PLAIN
    assert Ways(Way.TPM).way_of(_EC, Way.SEALED) is Way.SEALED
    assert Ways(Way.PLAIN).way_of(_REMOTE, Way.TPM) is Way.TPM


def test_plain_keys_are_pkcs8() -> None:
    keeper = PlainKeeper()
    data = keeper.pack("name", _EC)
    assert data.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert keeper.unpack("name", data).public_key() == _EC.public_key()
    with pytest.raises(PrivateKeyError):
        keeper.unpack("name", b"junk")
