from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from support import needs

from accredit.identity.errors import PrivateKeyError
from accredit.identity.keys import (
    KeyType,
    generate,
    is_supported,
    key_id,
    load_pkcs8,
    spki_der,
    to_pkcs8_der,
    to_pkcs8_pem,
)

_DER, _PEM = serialization.Encoding.DER, serialization.Encoding.PEM
_CLEAR = serialization.NoEncryption()


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        (KeyType.EC_P256, 256),
        (KeyType.EC_P384, 384),
        (KeyType.RSA_2048, 2048),
        (KeyType.RSA_4096, 4096),
    ],
)
def test_each_kind_of_key_survives_pkcs8_in_both_forms(kind: KeyType, bits: int) -> None:
    key = generate(kind)
    assert key.key_size == bits
    for data in (to_pkcs8_der(key), to_pkcs8_pem(key)):
        assert load_pkcs8(data).public_key() == key.public_key()


def test_openssl_reads_what_we_write(tmp_path: Path) -> None:
    key = generate(KeyType.EC_P256)
    path = tmp_path / "key.der"
    path.write_bytes(to_pkcs8_der(key))
    openssl = needs.program("openssl", apt="openssl")
    command = [str(openssl), "pkcs8", "-inform", "DER", "-in", str(path), "-nocrypt", "-topk8"]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    assert load_pkcs8(printed).public_key() == key.public_key()


def test_the_key_id_is_the_same_for_the_same_key_and_for_no_other() -> None:
    key, other = generate(KeyType.EC_P256), generate(KeyType.EC_P256)
    name = key_id(key.public_key())
    assert key_id(load_pkcs8(to_pkcs8_der(key)).public_key()) == name
    assert key_id(other.public_key()) != name
    assert len(bytes.fromhex(name)) == 16


def _private_bytes(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    encoding: serialization.Encoding,
    form: serialization.PrivateFormat,
    encryption: serialization.KeySerializationEncryption = _CLEAR,
) -> bytes:
    return key.private_bytes(encoding, form, encryption)


_EC = generate(KeyType.EC_P256)
_RSA = generate(KeyType.RSA_2048)
_PKCS8 = serialization.PrivateFormat.PKCS8
_TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
_SECRET = serialization.BestAvailableEncryption(b"secret")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_private_bytes(_EC, _DER, _TRADITIONAL), id="SEC 1 DER"),
        pytest.param(_private_bytes(_EC, _PEM, _TRADITIONAL), id="SEC 1 PEM"),
        pytest.param(_private_bytes(_RSA, _DER, _TRADITIONAL), id="PKCS 1 DER"),
        pytest.param(_private_bytes(_RSA, _PEM, _TRADITIONAL), id="PKCS 1 PEM"),
        pytest.param(_private_bytes(_EC, _DER, _PKCS8, _SECRET), id="encrypted DER"),
        pytest.param(_private_bytes(_EC, _PEM, _PKCS8, _SECRET), id="encrypted PEM"),
        pytest.param(spki_der(_EC.public_key()), id="public key"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_any_format_but_unencrypted_pkcs8_is_refused(data: bytes) -> None:
    with pytest.raises(PrivateKeyError, match="expected unencrypted PKCS #8, as DER or PEM"):
        load_pkcs8(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(to_pkcs8_der(_EC)[:-1], id="cut short"),
        pytest.param(to_pkcs8_der(_EC) + b"\0", id="with a tail"),
        pytest.param(to_pkcs8_pem(_EC).replace(b"END", b"BEGIN"), id="PEM without end"),
    ],
)
def test_a_damaged_key_is_refused_and_not_quoted(data: bytes) -> None:
    with pytest.raises(PrivateKeyError, match=r"^not a valid private key: the key cannot be dec"):
        load_pkcs8(data)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(ed25519.Ed25519PrivateKey.generate(), id="Ed25519"),
        pytest.param(ec.generate_private_key(ec.SECP256K1()), id="secp256k1"),
        pytest.param(rsa.generate_private_key(65537, 1024), id="RSA 1024"),
    ],
)
def test_a_key_of_a_kind_we_do_not_use_is_refused(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    assert not is_supported(key.public_key())
    with pytest.raises(PrivateKeyError, match="expected EC on P-256, P-384 or P-521, or RSA"):
        load_pkcs8(_private_bytes(key, _DER, _PKCS8))


def test_a_key_without_end_is_refused_unread() -> None:
    with pytest.raises(PrivateKeyError, match="longer than 65536 bytes"):
        load_pkcs8(b"-----BEGIN PRIVATE KEY-----" + b"A" * 65536)
