from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.keys import KeyType, generate, to_pkcs8_der, to_pkcs8_pem
from accredit.sds_server.nack_text import sanitise
from accredit.sds_server.proto import core_pb2, tls_pb2

KEY = generate(KeyType.EC_P256)
PEM = to_pkcs8_pem(KEY)
BODY = b"".join(PEM.splitlines()[1:-1]).decode()
SECRET = tls_pb2.Secret(
    name="default",
    tls_certificate=tls_pb2.TlsCertificate(private_key=core_pb2.DataSource(inline_bytes=PEM)),
)


@pytest.mark.parametrize(
    "text",
    [
        "Failed to load private key from <inline>, Cause: ...KEY_VALUES_MISMATCH",
        "Failed to load incomplete certificate from : certificate chain not set",
        "Failed to load trusted CA certificate for prod.example",
        "Multiple trust bundles are given for one trust domain for prod.example, workload: ",
        "Error adding/updating cluster(s) spiffe://prod.example/ns/payments/sa/checkout: bad",
    ],
)
def test_what_envoy_says_otherwise_is_kept(text: str) -> None:
    assert sanitise(text) == text.strip()


def test_a_token_is_cut_out_wherever_it_stands() -> None:
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzcGlmZmU6Ly9hL2IifQ.c2lnbmF0dXJl_-x"
    assert sanitise(f"bad header value 'Bearer {token}' refused") == (
        "bad header value 'Bearer [removed]' refused"
    )


@pytest.mark.parametrize(
    "quotation",
    [
        str(SECRET),
        repr(SECRET.SerializeToString()),
        SECRET.SerializeToString().decode("latin-1"),
        base64.b64encode(SECRET.SerializeToString()).decode(),
        BODY,
        PEM.decode(),
        PEM.decode().replace("\n", "\\n"),
        base64.b64encode(PEM).decode(),
        "".join(f"\\{byte:03o}" for byte in to_pkcs8_der(KEY)),
        "".join(f"\\x{byte:02x}" for byte in to_pkcs8_der(KEY)),
        to_pkcs8_der(KEY).hex(),
    ],
)
def test_a_quotation_of_the_secret_is_removed(quotation: str) -> None:
    kept = sanitise(f"Unable to unpack as envoy.Secret: {quotation} (end)")
    assert kept.startswith("Unable to unpack as envoy.Secret:")
    assert "[removed]" in kept
    for start in range(len(BODY) - 12):
        assert BODY[start : start + 12] not in kept
    assert to_pkcs8_der(KEY).hex()[:24] not in kept


@pytest.mark.parametrize("marker", ["goo.gle/debugproto   ", "goo.gle/debugonly    "])
def test_nothing_is_kept_of_what_protobuf_marks_as_a_dump(marker: str) -> None:
    text = f"Unable to unpack as envoy.Secret: {marker}\nname: secret"
    assert sanitise(text) == "Unable to unpack as envoy.Secret: [removed]"


def test_the_text_is_one_short_line() -> None:
    assert sanitise("a\nb\x00\x1b[31mc") == "a b  [31mc"
    assert len(sanitise("no " * 10_000)) <= 410


@given(st.text(max_size=5000))
def test_no_text_is_too_long_or_breaks_the_line(text: str) -> None:
    kept = sanitise(text)
    assert len(kept) <= 410
    assert kept.isprintable()


def test_a_long_text_is_read_in_linear_time() -> None:
    assert len(sanitise("A" * 10_000_000)) <= 410
