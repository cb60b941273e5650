"""Permissive mode: TLS and plaintext on one port, until the day the file says strict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, caller, legacy_app, line_app
from support.sidecar.world import APP, FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Protocol

_HTTP, _GREETER = Protocol.HTTP, Protocol.TCP


@dataclass
class Migrating:
    """One sidecar before two apps; the second is one of those that speak first."""

    envoy: EnvoyProcess
    text: str
    http: Endpoint
    tcp: Endpoint


@pytest.fixture(scope="module")
def migrating(world: World) -> Iterator[Migrating]:
    apps, http, tcp = (free_port(), free_port()), free_port(), free_port()
    until = (world.now + timedelta(days=30)).date()
    text = f"sidecar:\n  spiffe_id: {APP}\n  inbound:\n"
    for protocol, listen, at in ((_HTTP, http, apps[0]), (_GREETER, tcp, apps[1])):
        text += f"    - listen: {listen}\n      app: {at}\n      protocol: {protocol.value}\n"
        text += f"      allow: {FRONTEND}\n      mode: permissive\n      until: '{until}'\n"
    with (
        app.serving(apps[0], legacy_app.talk),
        app.serving(apps[1], line_app.greet),
        world.sidecar("migrating", text) as envoy,
    ):
        yield Migrating(envoy, text, http, tcp)


def _seen_over_plaintext(to: Endpoint, *more: str) -> dict[str, str]:
    with app.connect(to) as sock:
        answer = caller.get(sock, "/", *more)
    assert answer.status == 200
    return {name.lower(): value for name, value in json.loads(answer.body)["fields"]}


def test_both_are_served_on_one_port(world: World, migrating: Migrating) -> None:
    assert caller.is_served(_HTTP, migrating.http, world.pem(world.prod.issue(FRONTEND)))
    assert caller.is_served_plain(_HTTP, migrating.http)


def test_tls_never_falls_back_to_plaintext(world: World, migrating: Migrating) -> None:
    wrong = world.pem(world.prod.issue(INTRUDER))
    for protocol, port in ((_HTTP, migrating.http), (_GREETER, migrating.tcp)):
        assert not caller.is_served(protocol, port, None)
        assert not caller.is_served(protocol, port, wrong)


def test_over_plaintext_nobody_is_anybody(migrating: Migrating) -> None:
    forged = f"By={APP};Hash=00;URI={FRONTEND}"
    names = ("x-forwarded-client-cert", "X_Forwarded_Client_Cert", "x-forwarded_client-cert")
    seen = _seen_over_plaintext(migrating.http, *(f"{name}: {forged}" for name in names))
    assert [name for name in seen if "client" in name] == []


def test_fields_that_steer_an_envoy_come_to_nothing_over_plaintext_too(
    migrating: Migrating,
) -> None:
    steering = ("x-envoy-internal: true", "x-envoy-original-path: /a", "x-envoy-max-retries: 9")
    seen = _seen_over_plaintext(migrating.http, *steering)
    assert [name for name in seen if name.startswith("x-envoy")] == []


def test_an_app_that_speaks_first_is_heard(world: World, migrating: Migrating) -> None:
    with app.connect(migrating.tcp) as sock:
        assert sock.makefile("rb").readline() == line_app.GREETING
    certificate = world.pem(world.prod.issue(FRONTEND))
    with caller.connect(migrating.tcp, certificate) as sock:
        assert sock.makefile("rb").readline() == line_app.GREETING


def test_log_and_statistics_tell_them_apart(world: World, migrating: Migrating) -> None:
    def counted() -> dict[str, int]:
        return migrating.envoy.stats(r"^http\.inbound_0(_plaintext)?\.downstream_rq_2xx$")

    before = counted()
    assert caller.is_served_plain(_HTTP, migrating.http)
    for _ in range(2):
        assert caller.is_served(_HTTP, migrating.http, world.pem(world.prod.issue(FRONTEND)))
    plain, known = "http.inbound_0_plaintext.downstream_rq_2xx", "http.inbound_0.downstream_rq_2xx"
    wait_until(lambda: counted()[known] - before[known] == 2, 60, "requests over TLS are counted")
    assert counted()[plain] - before[plain] == 1

    def logged() -> list[tuple[str, str]]:
        lines = [line for line in migrating.envoy.access_log() if line.get("method") == "GET"]
        return [(line["security"], line.get("caller", "")) for line in lines]

    wait_until(
        lambda: ("plaintext", "") in logged() and ("mtls", FRONTEND) in logged(), 60, "logged"
    )
    assert set(logged()) == {("plaintext", ""), ("mtls", FRONTEND)}


def test_the_same_file_without_the_mode_refuses_plaintext(
    world: World, migrating: Migrating
) -> None:
    lines = migrating.text.splitlines()
    strict = "\n".join(line for line in lines if not line.strip().startswith(("mode:", "until:")))
    ports = {str(each): str(free_port()) for each in (migrating.http, migrating.tcp)}
    for old, new in ports.items():
        strict = strict.replace(old, new)
    with world.sidecar("migrated", strict) as envoy:
        http, tcp = (_endpoint(each) for each in ports.values())
        assert caller.is_served(_HTTP, http, world.pem(world.prod.issue(FRONTEND)))
        assert not caller.is_served_plain(_HTTP, http)
        with app.connect(tcp) as sock:
            sock.sendall(b"hello\n")
            assert sock.recv(1) in (b"", b"\x15")  # nothing, or the alert of TLS
        assert envoy.stats(r"plaintext") == {}


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return Endpoint(host, int(port))
