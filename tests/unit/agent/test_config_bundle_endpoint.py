"""The section `federation.endpoint`: a whole endpoint, and every mistake with its line."""

from __future__ import annotations

import pickle
from datetime import timedelta
from pathlib import Path

import pytest

from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.agent.config import parse_config
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import Profile
from accredit.identity.errors import ConfigError

_PATH = Path("/etc/accredit/accredit.yaml")
_HEAD = "{trust_domain: prod.example, data_dir: /d, socket: /s, admin_socket: /a, "
_SPIFFE = "listen: '[::]:8443', profile: https_spiffe"


def endpoint(section: str) -> EndpointSettings | None:
    plan = parse_config(f"{_HEAD} federation: {{{section}}}}}", _PATH).plan(_PATH)
    assert pickle.loads(pickle.dumps(plan)) == plan
    return plan.endpoint


def mistakes(section: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        endpoint(f"endpoint: {{{section}}}")
    return {each.key: each.reason for each in raised.value.mistakes}


def test_nothing_is_served_unless_the_file_says_so() -> None:
    assert endpoint("refresh: 1m") is None


def test_an_endpoint_comes_with_absolute_paths() -> None:
    assert endpoint(f"endpoint: {{{_SPIFFE}}}") == EndpointSettings(
        Address("::", 8443), Profile.SPIFFE
    )
    found = endpoint(
        "endpoint: {listen: '10.0.0.1:443', profile: https_web, certificate: c.pem, key: /k,"
        " url: 'https://h/b', redirect: 'https://i/', path: /b, connections: 7, patience: 3s}"
    )
    assert found == EndpointSettings(
        Address("10.0.0.1", 443),
        Profile.WEB,
        "/b",
        EndpointUrl("h", 443, "/b"),
        EndpointUrl("i", 443, "/"),
        _PATH.with_name("c.pem"),
        Path("/k"),
        connections=7,
        patience=timedelta(seconds=3),
    )


@pytest.mark.rows("FS-01", "FS-13", "FS-16", "FS-17")
def test_every_mistake_is_told_with_its_key() -> None:
    where = "federation.endpoint"
    assert mistakes("listen: 8443, url: 'http://h/', redirect: 'https://u@h/', x: 1") == {
        f"{where}.listen": "expected an IP address and a port, as in 0.0.0.0:8443 or [::]:8443",
        f"{where}.profile": "is missing",
        f"{where}.url": "'http://h/' is not an https URL; expected https://HOST/PATH",
        f"{where}.redirect": "the URL has user-info before its host; a bundle endpoint has none",
        f"{where}.x": "unknown key; expected one of certificate, connections,"
        " connections_per_address, drain, header_bytes, key, listen, path, patience, profile,"
        " redirect, spiffe_path, url",
    }
    assert mistakes(f"{_SPIFFE}, url: 'https://u:p@h/', redirect: 'http://h/'") == {
        f"{where}.url": "the URL has user-info before its host; a bundle endpoint has none",
        f"{where}.redirect": "'http://h/' is not an https URL; expected https://HOST/PATH",
    }
    assert mistakes(f"{_SPIFFE}, key: k")[where].startswith("certificate and key are for")
    assert mistakes("listen: '[::]:1', profile: web")[f"{where}.profile"] == (
        "expected one of https_web, https_spiffe"
    )
