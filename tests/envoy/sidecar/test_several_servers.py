"""Several servers, some of them bad; names, health checks, timeouts and the probe's plain port."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from support.envoy_process import EnvoyProcess
from support.eventually import wait_until
from support.sidecar import app, caller, legacy_app, line_app
from support.sidecar.app import Talk
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint


@dataclass
class Servers:
    """Sidecars of servers, one Envoy for each, by the place where they listen."""

    at: list[Endpoint]
    ended: list[contextlib.ExitStack]

    def kill(self, number: int) -> None:
        self.ended[number].close()


@contextlib.contextmanager
def _servers(
    world: World, name: str, talks: Sequence[Talk], protocol: str = "http"
) -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        found = Servers([], [])
        for number, talk in enumerate(talks):
            own, at, mtls = stack.enter_context(contextlib.ExitStack()), free_port(), free_port()
            text = _inbound(mtls, at, protocol)
            own.enter_context(app.serving(at, talk))
            own.enter_context(world.sidecar(f"{name}-{number}", text))
            found.at.append(mtls)
            found.ended.append(own)
        yield found


def _inbound(listen: Endpoint, to: Endpoint, protocol: str = "http", more: str = "") -> str:
    return f"""
sidecar:
  spiffe_id: {APP}
  inbound:
    - listen: "{listen}"
      app: "{to}"
      protocol: {protocol}
      allow: {FRONTEND}
{more}"""


@contextlib.contextmanager
def _caller(
    world: World, name: str, to: Sequence[str | Endpoint], more: str = ""
) -> Iterator[tuple[Endpoint, EnvoyProcess]]:
    listen = free_port()
    text = f"""
sidecar:
  spiffe_id: {FRONTEND}
  outbound:
    - listen: {listen}
      to: [{", ".join(f'"{each}"' for each in to)}]
      expect: {APP}
{more}"""
    with world.sidecar(name, text) as envoy:
        yield listen, envoy


def _names(at: Endpoint, times: int) -> Counter[str]:
    """Return which server answered how often; every request has to be."""
    found: Counter[str] = Counter()
    for _ in range(times):
        with app.connect(at) as sock:
            answer = caller.get(sock)
        assert answer.status == 200
        found[answer.body.decode()] += 1
    return found


def _said(at: Endpoint) -> bytes:
    with app.connect(at) as sock:
        sock.sendall(b"hello\n")
        return sock.makefile("rb").readline()


def test_no_request_fails_when_one_of_two_servers_dies(world: World) -> None:
    talks = [legacy_app.called("one"), legacy_app.called("two")]
    with (
        _servers(world, "dying", talks) as servers,
        _caller(world, "dying", servers.at) as (at, _),
    ):
        assert _names(at, 20).keys() == {"one", "two"}
        servers.kill(0)
        assert _names(at, 40) == {"two": 40}


def test_a_server_that_is_not_there_is_passed_over_in_tcp_as_well(world: World) -> None:
    with (
        _servers(world, "tcp", [line_app.talk], "tcp") as servers,
        _caller(world, "tcp", [free_port(), *servers.at], "      protocol: tcp\n") as (at, _),
    ):
        for _ in range(10):
            assert _said(at) == b"you said hello\n"


def test_a_name_leads_to_whichever_of_its_addresses_answers(world: World) -> None:
    with _servers(world, "named", [legacy_app.called("one")]) as servers:
        # It has an IPv6 address as well, at which nobody listens.
        to = f"localhost:{servers.at[0].port}"
        with _caller(world, "named", [to]) as (at, _):
            assert _names(at, 40) == {"one": 40}


def test_a_health_check_takes_bad_servers_out_and_only_them(world: World) -> None:
    talks = [legacy_app.called(name, status) for name, status in _HEALTH.items()]
    check = "      health_check: {path: /healthz, interval: 1s, timeout: 1s}\n"
    with (
        _servers(world, "checked", talks) as servers,
        _caller(world, "checked", servers.at, check) as (at, envoy),
    ):
        _wait_for_healthy(envoy, 1)
        assert _names(at, 40) == {"good": 40}


_HEALTH = {"ill": "503", "good": "200", "lost": "404"}


def test_a_health_check_of_connections_takes_a_closed_port_out(world: World) -> None:
    more = "      protocol: tcp\n      health_check: {interval: 1s}\n"
    with (
        _servers(world, "tcp-checked", [line_app.talk], "tcp") as servers,
        _caller(world, "tcp-checked", [free_port(), *servers.at], more) as (at, envoy),
    ):
        _wait_for_healthy(envoy, 1)
        in_vain = envoy.stats("outbound_0.upstream_cx_connect_fail$")
        for _ in range(10):
            assert _said(at) == b"you said hello\n"
        assert envoy.stats("outbound_0.upstream_cx_connect_fail$") == in_vain
        servers.kill(0)
        _wait_for_healthy(envoy, 0)


def _wait_for_healthy(envoy: EnvoyProcess, number: int) -> None:
    name = "cluster.outbound_0.membership_healthy"
    wait_until(lambda: envoy.stats(name).get(name) == number, 30, f"{number} healthy")


def test_a_timeout_ends_a_request_on_either_side(world: World) -> None:
    timeout = "      timeout: 1s\n"
    one, two = (free_port() for _ in range(2))
    with (
        app.serving(at := free_port(), legacy_app.talk),
        world.sidecar("slow-0", _inbound(one, at, more=timeout)),
        world.sidecar("slow-1", _inbound(two, at)),
        _caller(world, "patient", [one]) as (patient, _),
        _caller(world, "hasty", [two], timeout) as (hasty, _),
        _caller(world, "idle", [two]) as (untold, _),
    ):
        for front, status in ((patient, 504), (hasty, 504), (untold, 200)):
            with app.connect(front) as sock:
                assert caller.get(sock, "/slow/1.6").status == status


def test_the_probes_port_shows_its_paths_and_nothing_else(world: World) -> None:
    mtls, plain = free_port(), free_port()
    more = f"      probe: {{listen: '{plain}', paths: [/healthz, /status/503]}}\n"
    with (
        app.serving(at := free_port(), legacy_app.talk),
        world.sidecar("probed", _inbound(mtls, at, more=more)),
    ):
        found = {}
        for line in _PROBES:
            method, target = line.split(" ")
            with app.connect(plain) as sock:
                found[line] = caller.get(sock, target, method=method).status
        assert found == _PROBES
        with app.connect(plain) as sock:
            forged = f"URI={FRONTEND}"
            fields = ("x_forwarded_client_cert", "X-Forwarded-Client-Cert", "x-envoy-internal")
            seen = caller.get(sock, "/healthz", *(f"{name}: {forged}" for name in fields))
        assert FRONTEND not in seen.body.decode()


_PROBES = {
    "GET /healthz": 200,
    "GET /healthz?deep=1": 200,
    "HEAD /healthz": 200,
    "GET /status/503": 503,
    "GET /x/../healthz": 200,
    "POST /healthz": 404,
    "PUT /healthz": 404,
    "get /healthz": 400,
    "GET /healthz/": 404,
    "GET /healthz/..": 404,
    "GET /healthz%2f..%2fadmin": 404,
    "GET /": 404,
    "GET /admin": 404,
    "GET /HEALTHZ": 404,
}
