"""Whatever a sidecar intercepts, nft takes its rules, and the kernel does as they say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import needs, net_namespace, other_user
from support.cgroup import cgroup
from support.net_namespace import NetNamespace

from accredit.envoy.address import Destination, Endpoint
from accredit.envoy.bootstrap import to_json
from accredit.envoy.peers import Peer
from accredit.envoy.redirect.mistakes import mistakes
from accredit.envoy.redirect.programs import Cgroup, Programs, User
from accredit.envoy.redirect.rules import ruleset
from accredit.envoy.sidecar import Outbound, Redirect, Sidecar
from accredit.identity.spiffe_id import TrustDomain

_EXPECT = (Peer(TrustDomain("td.example"), "/payments"),)
_BOTH = (Endpoint("127.0.0.1", 15001), Endpoint("::1", 15001))
_APP = Programs((User(other_user.UID, "legacy"),))

# Networks and addresses within, beside and around each other.
_NETWORKS = (
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3/32",
    "192.0.2.0/24",
    "127.0.0.0/8",
    "127.0.0.5/32",
    "0.0.0.0/0",
    "fd00::/8",
    "fd00:1::/32",
    "2001:db8::1/128",
    "::1/128",
    "::/1",
    "::/0",
)
_ADDRESSES = (
    "10.1.2.3",
    "10.1.9.9",
    "10.9.9.9",
    "192.0.2.7",
    "203.0.113.1",
    "127.0.0.5",
    "127.0.0.6",
    "fd00:1::5",
    "fd00:2::5",
    "2001:db8::1",
    "2001:db8::2",
    "::1",
)
_PORTS = (80, 81)
_near = st.builds(
    Destination,
    st.none() | st.sampled_from([ip_network(each) for each in _NETWORKS]),
    st.sampled_from(_PORTS),
)
_any = st.builds(
    Destination,
    st.none()
    | st.builds(
        lambda address, bits: ip_network((address, bits), strict=False),
        st.ip_addresses(v=4),
        st.integers(0, 32),
    )
    | st.builds(
        lambda address, bits: ip_network((address, bits), strict=False),
        st.ip_addresses(v=6),
        st.integers(0, 128),
    ),
    st.integers(1, 65535),
)


def _without_mistakes(sidecar: Sidecar) -> Sidecar:
    """Drop, one after the other, what cannot be meant; a valid sidecar stays as it is."""
    for key, _ in mistakes(sidecar):
        match key:
            case ("outbound", int(number), "intercept", int(place)):
                return _without_mistakes(_without(sidecar, number, place))
            case _:
                assert sidecar.redirect is not None
                return replace(sidecar, redirect=replace(sidecar.redirect, refuse=True))
    return sidecar


def _without(sidecar: Sidecar, number: int, place: int) -> Sidecar:
    outbounds, intercept = [*sidecar.outbound], [*sidecar.outbound[number].intercept]
    del intercept[place]
    outbounds[number] = replace(outbounds[number], intercept=tuple(intercept))
    return replace(sidecar, outbound=tuple(outbounds))


def _sidecars(
    destinations: st.SearchStrategy[Destination], refuse: st.SearchStrategy[bool]
) -> st.SearchStrategy[Sidecar]:
    intercepts = st.lists(st.lists(destinations, max_size=6).map(tuple), min_size=1, max_size=3)
    listens = st.none() | st.sampled_from(["127.0.0.1", "10.0.0.1", "fd00::1"])
    outbound = st.builds(
        lambda lists, host: tuple(
            Outbound(_EXPECT, host and Endpoint(host, 9000 + n), intercept=each)
            for n, each in enumerate(lists)
        ),
        intercepts,
        listens,
    )
    listen = st.sampled_from([_BOTH, _BOTH[:1], _BOTH[1:]])
    return st.builds(
        Sidecar,
        name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", fullmatch=True),
        socket=st.just("/run/agent.sock"),
        admin_socket=st.just("/run/admin.sock"),
        outbound=outbound,
        redirect=st.builds(Redirect, listen=listen, refuse=refuse),
    ).map(_without_mistakes)


def _ruleset(sidecar: Sidecar, programs: Programs) -> str:
    assert sidecar.redirect is not None
    return ruleset(sidecar, sidecar.redirect, programs)


def _nft(namespace: NetNamespace, text: str, *options: str) -> None:
    nft = needs.program("nft", apt="nftables")
    command = namespace.inside(nft, *options, "-f", "-")
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text


@pytest.fixture(scope="module")
def cgroups() -> Iterator[list[Cgroup]]:
    with cgroup("accredit-test") as outer:
        names = (r"dev-disk\x2dby.slice", "user@1000.service", "a:b_c")
        made = [outer, *(outer / name for name in names)]
        for folder in made[1:]:
            folder.mkdir()
        try:
            yield [Cgroup(str(each.relative_to(outer.parent)), outer.parent) for each in made]
        finally:
            for folder in made[1:]:
                folder.rmdir()


@pytest.fixture(scope="module")
def alone() -> Iterator[NetNamespace]:
    with net_namespace.one() as namespace:
        yield namespace


@given(
    sidecar=_sidecars(_any, st.booleans()),
    users=st.lists(st.builds(User, st.integers(0, 2**32 - 2), st.text()), max_size=3).map(tuple),
    data=st.data(),
)
def test_nft_takes_the_rules_of_every_sidecar(
    alone: NetNamespace,
    cgroups: list[Cgroup],
    sidecar: Sidecar,
    users: tuple[User, ...],
    data: st.DataObject,
) -> None:
    some = data.draw(st.lists(st.sampled_from(cgroups), unique=True).map(tuple))
    _nft(alone, _ruleset(sidecar, Programs(users, some)), "--check")


@settings(max_examples=25, phases=[Phase.generate])  # each takes an Envoy a quarter of a second
@given(sidecar=_sidecars(_near, st.booleans()))
def test_envoy_takes_the_listener_of_every_sidecar(
    tmp_path_factory: pytest.TempPathFactory, sidecar: Sidecar
) -> None:
    assert [*mistakes(sidecar)] == []
    file = tmp_path_factory.mktemp("envoy") / "bootstrap.json"
    file.write_text(to_json(sidecar))
    done = subprocess.run(
        [needs.envoy(), "--mode", "validate", "-c", file], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]


# For each line, an address and a port: connect, and print what is said there.
_CONNECT = """
import socket, sys
print("ready", flush=True)
for line in sys.stdin:
    host, port = line.split()
    try:
        with socket.create_connection((host, int(port)), 30) as server:
            print(server.makefile().read(), flush=True)
    except ConnectionRefusedError:
        print("refused", flush=True)
"""
Connect = Callable[[str, int], str]


@pytest.fixture(scope="module")
def app() -> Iterator[tuple[NetNamespace, Connect]]:
    """Lend an app with a way everywhere, and beside it what stands for its sidecar."""
    with net_namespace.two() as (near, _), near.answering("tcp,127.0.0.1,15001", "tcp,::1,15001"):
        for family in ("-4", "-6"):
            near.run("ip", family, "route", "add", "default", "dev", "cable")
        command = near.inside("/usr/bin/python3", "-c", _CONNECT, uid=other_user.UID)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            stdin, stdout = process.stdin, process.stdout

            def connect(host: str, port: int) -> str:
                stdin.write(f"{host} {port}\n")
                stdin.flush()
                return str(stdout.readline().strip())

            try:
                yield near, connect
            finally:
                process.kill()


def _is_meant(sidecar: Sidecar, host: str, port: int) -> bool:
    address = ip_address(host)
    return any(
        each.port == port
        and (each.network is None or address in each.network)
        and (not address.is_loopback or (each.network is not None and each.network.is_loopback))
        for outbound in sidecar.outbound
        for each in outbound.intercept
    )


# Where the rest is refused, since what passes would wait for an answer from nowhere.
@given(sidecar=_sidecars(_near, st.just(True)))
def test_the_sidecar_gets_what_is_intercepted_and_nothing_else(
    app: tuple[NetNamespace, Connect], sidecar: Sidecar
) -> None:
    assert sidecar.redirect is not None
    near, connect = app
    _nft(near, "flush ruleset\n" + _ruleset(sidecar, _APP))
    listens = {6 if each.is_ipv6 else 4 for each in sidecar.redirect.listen}
    for host, port in product(_ADDRESSES, _PORTS):
        taken = _is_meant(sidecar, host, port) and ip_address(host).version in listens
        answer = connect(host, port)
        assert (answer != "refused") == taken, (host, port)
        if taken:
            assert json.loads(answer)["meant"] == f"{host} {port}"
