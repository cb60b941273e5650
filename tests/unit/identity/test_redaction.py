"""Nothing that looks like a key or a token survives."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.keys import KeyType, generate, to_pkcs8_der, to_pkcs8_pem
from accredit.identity.redaction import redact

_EC = generate(KeyType.EC_P256)
_KEYS = {kind: generate(kind) for kind in (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048)}
_TOKEN = jwt.encode(
    {"sub": "spiffe://prod.example/a", "exp": datetime.now(UTC) + timedelta(minutes=5)},
    to_pkcs8_pem(_EC),
    algorithm="ES256",
)


def body(pem: bytes) -> list[str]:
    return [line for line in pem.decode().splitlines() if not line.startswith("-----")]


@pytest.mark.parametrize("kind", _KEYS)
@pytest.mark.parametrize(
    "show",
    [bytes.decode, repr, lambda pem: json.dumps(pem.decode()), lambda pem: pem[:-40].decode()],
)
def test_a_pem_key_is_masked_however_it_is_written(kind: KeyType, show: object) -> None:
    pem = to_pkcs8_pem(_KEYS[kind])
    text = redact(f"before {show(pem)}")  # type: ignore[operator]
    assert text.startswith("before ")
    assert "[redacted]" in text
    assert not [line for line in body(pem) if line in text]


@pytest.mark.parametrize("kind", _KEYS)
def test_base64_of_a_der_key_is_masked(kind: KeyType) -> None:
    encoded = base64.b64encode(to_pkcs8_der(_KEYS[kind])).decode()
    assert redact(f"key={encoded} next") == "key=[redacted] next"


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.RSA_2048])
def test_keys_in_their_older_formats_are_masked(kind: KeyType) -> None:
    der = _KEYS[kind].private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    encoded = base64.b64encode(der).decode()
    assert encoded[:60] not in redact(encoded)


@pytest.mark.parametrize("frame", ["{}", "Bearer {}", "token={},", '"{}"', "\\n{}", "('{}',)"])
def test_a_jwt_is_masked_wherever_it_stands(frame: str) -> None:
    text = redact(frame.format(_TOKEN))
    assert not [part for part in _TOKEN.split(".") if part in text]
    assert text == frame.format("[redacted]")


def test_a_jwt_without_its_signature_is_masked() -> None:
    assert redact(_TOKEN.rpartition(".")[0]) == "[redacted]"


def test_the_private_part_of_a_jwk_is_masked() -> None:
    assert "secret" not in redact('{"kty": "EC", "d": "' + "secret" * 5 + '"}')


@pytest.mark.parametrize(
    "text",
    [
        "spiffe://prod.example/ns/a",
        "unix:path:/usr/bin/envoy",
        "-----BEGIN CERTIFICATE-----",
        "MIIB",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(), st.text())
def test_a_token_is_masked_between_any_two_words(before: str, after: str) -> None:
    assert _TOKEN.split(".")[2] not in redact(f"{before} {_TOKEN} {after}")


def test_a_long_line_of_almost_tokens_takes_no_time() -> None:
    for text in ("eyJ" * 200_000, "-----BEGIN " * 100_000, "MIGHAgEAM " * 100_000, '"d"' * 200_000):
        redact(text)
