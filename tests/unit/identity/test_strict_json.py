from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.strict_json import base64url_decode, base64url_encode, loads, loads_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5, "x", true, null]}', {"a": [1, -2.5, "x", True, None]}),
        ('"\\ud83d\\ude00"', "😀"),
        ("18446744073709551615", 2**64 - 1),
        ("[" * 31 + "]" * 31, None),
    ],
)
def test_plain_json_is_read(text: str, value: object) -> None:
    parsed = loads(text.encode())
    assert value is None or parsed == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"{", "not JSON"),
        (b"{} x", "not JSON: Extra data"),
        (b'{"a": 1, "a": 1}', "a member twice"),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', "a member twice"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e400", "number is too large"),
        (b"9" * 41, "number is too large"),
        (b"9" * 5000, "number is too large"),
        (b'"\xff"', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'"\\ud800"', "half a surrogate pair"),
        (b'{"\\udfff": 1}', "half a surrogate pair"),
        (b"[" * 33 + b"]" * 33, "nested deeper than 32"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 32"),
        (b'{"a":' * 100_000, "nested deeper than 32"),
    ],
)
def test_json_that_has_no_meaning_or_two_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        loads(data)


def test_an_object_may_be_asked_for() -> None:
    assert loads_object(b'{"a": 1}') == {"a": 1}
    with pytest.raises(ValueError, match="JSON is not an object"):
        loads_object(b"[]")


@given(st.binary(max_size=100))
def test_base64url_decodes_what_it_encodes(data: bytes) -> None:
    text = base64url_encode(data)
    assert "=" not in text
    assert base64.urlsafe_b64decode(text + "==") == data
    assert base64url_decode(text) == data


@pytest.mark.parametrize(
    "text", ["YQ==", "Y", "Y Q", "YQ\n", "+/+/", "YWFhYQ.", "\uff39\uff31", "é", "\ud800"]
)
def test_only_the_alphabet_of_base64url_is_decoded(text: str) -> None:
    with pytest.raises(ValueError, match="not base64url without padding"):
        base64url_decode(text)


def test_stray_bits_at_the_end_are_refused() -> None:
    assert base64url_decode("YQ") == b"a"
    with pytest.raises(ValueError, match="stray bits"):
        base64url_decode("YR")
