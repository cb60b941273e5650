"""JSON and base64url for documents that strangers sign: one meaning or none.

Two readers that understand one document differently are how signatures get bypassed, so everything
on which JSON readers differ is refused: duplicate names, NaN and Infinity, a byte order mark,
numbers too large for others. What cannot be handled safely is refused too: deep nesting.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn

_MAX_DEPTH = 32
# 64 bits need 20 digits; a few more are harmless, thousands take Python quadratic time.
_MAX_INT_CHARS = 40
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


def loads(data: bytes) -> object:
    """Parse UTF-8 JSON.

    Raises:
        ValueError: not JSON, or JSON that two readers may understand differently.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except RecursionError:
        raise ValueError(f"JSON is nested deeper than {_MAX_DEPTH}") from None
    except UnicodeDecodeError:
        raise ValueError("JSON is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    _check_depth(value)
    if rb"\u" in data:
        _check_text(value)
    return value


def loads_object(data: bytes) -> dict[str, object]:
    """Parse UTF-8 JSON whose outermost value is an object; raise ValueError as ``loads`` does."""
    value = loads(data)
    if not isinstance(value, dict):
        raise ValueError("JSON is not an object")  # noqa: TRY004  the text is wrong, not a type
    return value


def dumps(value: Mapping[str, object]) -> bytes:
    """Return compact JSON in ASCII."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("JSON object has a member twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("JSON number is too large")
    return value


def _bounded(text: str) -> int:
    if len(text) > _MAX_INT_CHARS:
        raise ValueError("JSON number is too large")
    return int(text)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise ValueError(f"JSON is nested deeper than {_MAX_DEPTH}")


def _check_text(value: object) -> None:
    # Half a surrogate pair is no character; whoever encodes it later would stumble.
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("JSON string holds half a surrogate pair") from None


def _children(value: object) -> list[object]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
        case _:
            return []


def base64url_encode(data: bytes) -> str:
    """Return base64url without padding, RFC 7515 section 2."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def base64url_decode(text: str) -> bytes:
    """Decode base64url without padding, and only the one spelling that an encoder produces.

    Raises:
        ValueError: padding, other characters, or stray bits at the end.
    """
    raw = text.encode("ascii", "replace")
    if not _BASE64URL.fullmatch(raw):
        raise ValueError("not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        raise ValueError("not base64url without padding") from None
    if base64url_encode(data) != text:
        raise ValueError("base64url has stray bits at its end")
    return data
