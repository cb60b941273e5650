"""What an endpoint may be like, and what does not fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.authority.federation.relationship import Profile
from accredit.identity.spiffe_id import TrustDomain

_HERE = Address("127.0.0.1", 8443)
_FILES = {"certificate": Path("c"), "key": Path("k")}


@pytest.mark.parametrize("text", ["0.0.0.0:8443", "[::]:1", "[2001:db8::1]:65535"])
def test_an_address_is_one_of_ip_and_a_port(text: str) -> None:
    found = Address.parse(text)
    assert str(found) == text
    assert found.is_v6 is text.startswith("[")


@pytest.mark.parametrize(
    "text",
    ["", "8443", "0.0.0.0", "0.0.0.0:0", "0.0.0.0:65536", "localhost:1", "::1:1", "[::1]", "[1]:1"],
)
def test_what_is_no_address_and_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|does not appear"):
        Address.parse(text)


@pytest.mark.rows("FS-01")
@pytest.mark.parametrize(
    ("profile", "fields", "reason"),
    [
        (Profile.WEB, {}, "https_web needs certificate and key"),
        (Profile.WEB, {"key": Path("k")}, "https_web needs certificate and key"),
        (Profile.SPIFFE, _FILES, "are for profile https_web"),
        (Profile.SPIFFE, {"key": Path("k")}, "are for profile https_web"),
        (Profile.SPIFFE, {"path": "bundle"}, "path: expected the path of a URL"),
        (Profile.SPIFFE, {"path": "/a b"}, "path: expected the path of a URL"),
        (Profile.SPIFFE, {"path": "/a?b"}, "path: expected the path of a URL"),
        (Profile.SPIFFE, {"path": "/a#b"}, "path: expected the path of a URL"),
        (Profile.SPIFFE, {"spiffe_path": "/a//b"}, "spiffe_path: "),
        (Profile.SPIFFE, {"spiffe_path": ""}, "spiffe_path: a server's SPIFFE ID needs a path"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    profile: Profile, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        EndpointSettings(_HERE, profile, **fields)


def test_under_https_spiffe_it_is_somebody_of_the_own_trust_domain() -> None:
    found = EndpointSettings(_HERE, Profile.SPIFFE).spiffe_id(TrustDomain("prod.example"))
    assert str(found) == "spiffe://prod.example/accredit/bundle-endpoint"
