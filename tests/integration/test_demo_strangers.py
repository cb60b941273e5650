"""What the demo says of a server that neither serves nor refuses a stranger."""

from __future__ import annotations

import socket

import pytest

from accredit.agent.demo.strangers import refused_by_tls
from accredit.envoy.address import Endpoint
from accredit.identity.errors import UnavailableError


async def test_a_server_that_says_nothing_is_told_with_its_place() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"127.0.0.1:{port} said nothing within 0.2 s"):
            await refused_by_tls(Endpoint("127.0.0.1", port), None, seconds=0.2)


async def test_a_closed_port_is_told_with_its_place() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(UnavailableError, match=f"nobody serves at 127.0.0.1:{port}"):
            await refused_by_tls(Endpoint("127.0.0.1", port), None)
