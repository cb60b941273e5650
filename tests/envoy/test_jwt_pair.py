"""Two generated sidecars: one sends a JWT-SVID along, the other demands it."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from support import needs
from support.agent_process import AgentProcess
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.load import Load
from support.sidecar_pair import CALLER, SERVER, free_port
from support.token_app import TokenApp

from accredit.envoy.peers import Peer, Rule
from accredit.envoy.sidecar import Inbound, JwtDemand, Outbound, Sidecar

_AUDIENCE = "https://server.example/"
_CONFIG = f"""
trust_domain: td.example
jwt_ttl: 20s
authority: {{embedded: {{publish_for: 8s, clock_skew: 1s}}}}
entries:
  - {{id: {CALLER.path}, selectors: ["unix:uid:{os.geteuid()}"]}}
  - {{id: {SERVER.path}, selectors: ["unix:uid:{os.geteuid()}"]}}
"""


@contextmanager
def pair(folder: Path, agent: AgentProcess, audience: str = _AUDIENCE) -> Iterator[TokenApp]:
    """Run both sidecars and the app behind them, which has the port to ask as ``way_in``."""
    at, mtls, way_in = free_port(), free_port(), free_port()
    jwks = str(agent.socket.with_name("jwks.sock"))
    demand = JwtDemand((_AUDIENCE,), (Peer.exactly(CALLER),), jwks, forward=True)
    common = {"socket": str(agent.socket), "connection_lifetime": timedelta(seconds=5)}
    caller = Sidecar(
        "caller",
        admin_socket=str(folder / "caller/admin.sock"),
        spiffe_id=CALLER,
        outbound=(Outbound((Peer.exactly(SERVER),), listen=way_in, to=(mtls,), jwt=audience),),
        **common,  # type: ignore[arg-type]
    )
    server = Sidecar(
        "server",
        admin_socket=str(folder / "server/admin.sock"),
        spiffe_id=SERVER,
        inbound=(Inbound(mtls, at, (Rule((Peer.exactly(CALLER),)),), jwt=demand),),
        **common,  # type: ignore[arg-type]
    )
    for name in ("caller", "server"):
        (folder / name).mkdir()
    envoys = [EnvoyProcess(folder / each.name, each) for each in (caller, server)]
    with TokenApp(at).running() as app, envoys[0].running(), envoys[1].running():
        for envoy in envoys:
            envoy.wait_until_ready()
        app.way_in = way_in.port
        # Envoy waits for its first try to fetch keys only, which may take too long for it.
        wait_until(lambda: _status(app.way_in) != 401, 60, "the keys are there")
        yield app


def _status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
def test_no_request_fails_while_tokens_and_keys_rotate(folder: Path) -> None:
    needs.envoy()
    agent = AgentProcess(folder, _CONFIG)
    with agent.running(), pair(folder, agent) as app, Load(app.way_in).running() as load:
        wait_until(lambda: len(app.tokens) > 1, 60, "a second token")
        agent.command("ca", "rotate", "-c", agent.config)
        wait_until(lambda: len(_keys(app)) > 1, 60, "a token of the new key")
    assert load.failures == []
    assert app.wrong == []
    assert load.kept.ok > 100
    read = [jwt.decode(token, options={"verify_signature": False}) for token in app.tokens]
    assert {each["sub"] for each in read} == {str(CALLER)}


def test_a_token_for_another_audience_is_refused(folder: Path) -> None:
    needs.envoy()
    agent = AgentProcess(folder, _CONFIG)
    with (
        agent.running(),
        pair(folder, agent, "https://other.example/") as app,
        Load(app.way_in).running() as load,
    ):
        wait_until(lambda: len(load.failures) > 10, 60, "refusals")
    assert {failure[:3] for failure in load.failures} == {"403"}
    assert (app.tokens, app.wrong, load.kept.ok) == ({}, [], 0)


def _keys(app: TokenApp) -> set[str]:
    return {jwt.get_unverified_header(token)["kid"] for token in list(app.tokens)}
