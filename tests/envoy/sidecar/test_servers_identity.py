"""Whom an outbound believes to be the server that its file expects."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import Issued, TestCa
from support.sidecar import app, caller, legacy_app, line_app
from support.sidecar.app import Talk
from support.sidecar.world import APP, FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Profile, Protocol

_PARTNER = "spiffe://partner.example/x"
_EXPECTED = {
    "expected": lambda of: of.prod.issue(APP),
    "expected, with an intermediate": lambda of: of.prod.intermediate(now=of.now).issue(APP),
}
_UNEXPECTED: dict[str, Callable[[World], Issued]] = {
    "another ID": lambda of: of.prod.issue(INTRUDER),
    "self-made authority": lambda of: TestCa("prod.example", now=of.now).issue(APP),
    "federated authority": lambda of: of.partner.issue(APP),
    "federated authority, the expected ID second": lambda of: of.partner.issue(
        uris=[_PARTNER, APP]
    ),
    "federated authority, the expected ID first": lambda of: of.partner.issue(uris=[APP, _PARTNER]),
    "trust domain that begins alike": lambda of: of.evil.issue("spiffe://prod.example.evil/ns/app"),
    "ID that begins alike": lambda of: of.prod.issue(f"{APP}-evil"),
    "ID below it": lambda of: of.prod.issue(f"{APP}/more"),
    "expired": lambda of: of.prod.issue(APP, not_after=of.now - timedelta(minutes=1)),
    "no URI": lambda of: of.prod.issue(uris=[], dns_names=["localhost"]),
    "an authority": lambda of: of.prod.issue(
        APP, ca=True, usage=("digital_signature", "key_cert_sign")
    ),
}


class Outbounds:
    """One sidecar with two outbounds for each server, for HTTP and for connections."""

    def __init__(self) -> None:
        self.ports: dict[tuple[str, Protocol], Endpoint] = {}
        self.servers: list[tuple[Endpoint, Talk]] = []
        self.text = f"sidecar:\n  spiffe_id: {FRONTEND}\n  outbound:\n"

    def add(self, name: str, certificate: Path | None) -> None:
        for protocol, talk in ((Protocol.HTTP, legacy_app.talk), (Protocol.TCP, line_app.talk)):
            listen, at = free_port(), free_port()
            self.ports[name, protocol] = listen
            self.servers.append(
                (at, _over_tls(certificate, talk) if certificate else line_app.greet)
            )
            self.text += f"    - {{listen: '{listen}', to: '{at}', expect: {APP},"
            self.text += f" protocol: {protocol.value}}}\n"


@pytest.fixture(scope="module", params=Profile, ids=lambda each: each.value)
def outbounds(world: World, request: pytest.FixtureRequest) -> Iterator[Outbounds]:
    profile: Profile = request.param
    found = Outbounds()
    for name, make in {**_EXPECTED, **_UNEXPECTED}.items():
        found.add(name, world.pem(make(world)))
    found.add("plaintext", None)
    with contextlib.ExitStack() as stack:
        for at, talk in found.servers:
            stack.enter_context(app.serving(at, talk))
        stack.enter_context(world.sidecar(f"client-{profile.value}", found.text, profile))
        yield found


def _over_tls(certificate: Path, talk: Talk) -> Talk:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk_over_tls(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as tls:
            talk(tls)

    return talk_over_tls


@pytest.mark.parametrize("protocol", [Protocol.HTTP, Protocol.TCP], ids=lambda each: each.value)
@pytest.mark.parametrize("name", _EXPECTED)
def test_the_expected_server_is_believed(
    outbounds: Outbounds, name: str, protocol: Protocol
) -> None:
    assert caller.is_served_plain(protocol, outbounds.ports[name, protocol])


@pytest.mark.parametrize("name", [*_UNEXPECTED, "plaintext"])
def test_no_other_server_is(outbounds: Outbounds, name: str) -> None:
    assert not caller.is_served_plain(Protocol.TCP, outbounds.ports[name, Protocol.TCP])
    with app.connect(outbounds.ports[name, Protocol.HTTP]) as sock:
        assert caller.get(sock).status == 503


def test_an_outbound_that_expects_two_trust_domains_believes_each_for_itself_only(
    world: World,
) -> None:
    outbound = Outbounds()
    outbound.add("partner", world.pem(world.partner.issue(_PARTNER)))
    outbound.add("own", world.pem(world.prod.issue(APP)))
    outbound.add("crossed", world.pem(world.partner.issue(APP)))
    outbound.add("third", world.pem(world.evil.issue(uris=["spiffe://prod.example.evil/x", APP])))
    text = outbound.text.replace(f"expect: {APP}", f"expect: [{APP}, {_PARTNER}]")
    with contextlib.ExitStack() as stack:
        for at, talk in outbound.servers:
            stack.enter_context(app.serving(at, talk))
        stack.enter_context(world.sidecar("two-domains", text))
        found = {
            name: caller.is_served_plain(Protocol.TCP, listen)
            for (name, protocol), listen in outbound.ports.items()
            if protocol is Protocol.TCP
        }
    assert found == {"partner": True, "own": True, "crossed": False, "third": False}
