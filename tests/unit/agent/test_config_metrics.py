from __future__ import annotations

from pathlib import Path

import pytest

from accredit.agent.bundle_endpoint.settings import Address
from accredit.agent.config import parse_config
from accredit.agent.metrics.settings import MetricsSettings
from accredit.identity.errors import ConfigError

_BASE = "trust_domain: prod.example\nsocket: /s\nadmin_socket: /a\ndata_dir: /d\n"


def settings(listen: str) -> MetricsSettings | None:
    path = Path("/etc/accredit.yaml")
    return parse_config(f"{_BASE}metrics: {{listen: '{listen}'}}\n", path).plan(path).metrics


def test_they_are_off_unless_somebody_says_where() -> None:
    path = Path("/etc/accredit.yaml")
    assert parse_config(_BASE, path).plan(path).metrics is None
    assert parse_config(_BASE + "metrics: {connections: 3}\n", path).plan(path).metrics is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464)),
        ("[::1]:9464", Address("::1", 9464)),
        ("unix:/run/m.sock", Path("/run/m.sock")),
        ("unix:m.sock", Path("/etc/m.sock")),
    ],
)
def test_they_are_at_an_address_or_on_a_socket(text: str, where: Address | Path) -> None:
    found = settings(text)
    assert found is not None
    assert found.listen == where


@pytest.mark.parametrize("text", ["9464", "localhost:9464", "127.0.0.1:0", "unix:", "/m.sock"])
def test_what_is_neither_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match=r"yaml:5: metrics\.listen: expected an IP address and"):
        settings(text)


def test_a_path_too_long_for_a_socket_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"metrics\.listen: longer than the 107 bytes"):
        settings("unix:/" + "x" * 108)
