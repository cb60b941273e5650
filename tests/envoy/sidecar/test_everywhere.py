"""[::] is everywhere, IPv4 too, as for every other program of this system."""

from __future__ import annotations

import pytest
from support.sidecar import app, line_app, pair
from support.sidecar.world import World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Protocol


@pytest.mark.parametrize("host", ["::", "0.0.0.0"])
def test_who_comes_over_ipv4_is_served_wherever_everywhere_is(world: World, host: str) -> None:
    at, mtls = free_port(), free_port()
    name = "everywhere4" if host == "0.0.0.0" else "everywhere6"
    with (
        app.serving(at, line_app.greet),
        pair.running(
            world, name, at, protocol=Protocol.TCP, listen=Endpoint(host, mtls.port)
        ) as way,
    ):
        with app.connect(mtls):
            pass
        with app.connect(way.front) as sock:
            assert sock.makefile("rb").readline() == line_app.GREETING
