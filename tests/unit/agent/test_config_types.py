"""What single values of the configuration may look like."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from accredit.agent import config_types
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import TrustDomain


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        (config_types.Duration, "1h30m", timedelta(minutes=90)),
        (config_types.Duration, timedelta(1), timedelta(1)),
        (config_types.TrustDomainName, "a.example", TrustDomain("a.example")),
        (config_types.TrustDomainName, "spiffe://a.example", TrustDomain("a.example")),
        (config_types.TrustDomainName, TrustDomain("a"), TrustDomain("a")),
        (config_types.FilePath, "/a", Path("/a")),
        (config_types.FilePath, Path("/a"), Path("/a")),
        (config_types.SocketPath, "unix:///a", Path("/a")),
        (config_types.KeyTypeName, "rsa-2048", KeyType.RSA_2048),
        (config_types.KeyTypeName, KeyType.EC_P384, KeyType.EC_P384),
        (config_types.Names, ["a"], ("a",)),
        (config_types.Names, ("a",), ("a",)),
        (config_types.Bundles, {"b": "b.json"}, {TrustDomain("b"): Path("b.json")}),
        (config_types.ResourceName, "default", "default"),
    ],
)
def test_a_value_is_read(kind: Any, written: object, value: object) -> None:
    assert TypeAdapter(kind).validate_python(written, strict=True) == value


@pytest.mark.parametrize(
    ("kind", "written", "reason"),
    [
        (config_types.Duration, "5", "expected one such as 20s, 5m, 1h, 30d"),
        (config_types.Duration, 5, "expected a duration such as 20s, 5m, 1h or 30d"),
        (config_types.TrustDomainName, "A", "not lowercase"),
        (config_types.TrustDomainName, 5, "expected the name of a trust domain"),
        (config_types.FilePath, "a\0b", "expected a path"),
        (config_types.FilePath, None, "expected a path"),
        (config_types.SocketPath, "tcp://[::1]:1", "a TCP caller cannot be identified"),
        (config_types.SocketPath, "unix:@a", "an abstract socket has no file permissions"),
        (config_types.SocketPath, "/" + "x" * 200, "longer than the 107 bytes"),
        (config_types.KeyTypeName, "dsa", "expected one of ec-p256, ec-p384, rsa-2048, rsa-4096"),
        (config_types.KeyTypeName, [], "expected one of ec-p256"),
        (config_types.Names, ["a", ""], "expected a list of names"),
        (config_types.Bundles, ["b"], "expected trust domains and paths"),
        (config_types.Bundles, {"B": "b.json"}, "not lowercase"),
        (config_types.Bundles, {"b": 1}, "expected a path"),
        (config_types.ResourceName, "*", "expected a name without"),
        (config_types.ResourceName, " a", "expected a name without"),
        (config_types.ResourceName, "hint:a", "expected a name that is no SPIFFE ID"),
        (config_types.Count, 0, "greater than or equal to 1"),
        (config_types.Count, True, "valid integer"),
        (config_types.Bytes, 2**31, "less than or equal to"),
    ],
)
def test_another_value_is_refused_with_what_was_expected(
    kind: Any, written: object, reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(kind).validate_python(written, strict=True)
