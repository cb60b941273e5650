"""What the kernel does with an app's connections, in network namespaces of the tests' own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support import net_namespace, redirecting
from support.cgroup import cgroup, entering
from support.net_namespace import NetNamespace
from support.redirecting import APP, PASS, accredit, apply, sidecar_file

_OTHER = APP + 1
# connect, and print what the server says, or the error's name
_CONNECT = """
import errno, socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as server:
        print(server.makefile().read())
except OSError as error:
    print(errno.errorcode[error.errno])
"""
_REFUSED = "ECONNREFUSED"


@pytest.fixture(autouse=True)
def _the_machines_own_rules_stay_as_they_are() -> Iterator[None]:
    with redirecting.machines_own_rules_kept():
        yield


@pytest.fixture
def pair() -> Iterator[tuple[NetNamespace, NetNamespace]]:
    """Where the app and a stand-in for its sidecar are, and where others are."""
    with net_namespace.two() as (near, far), ExitStack() as servers:
        sidecar = ("tcp,127.0.0.1,15001", "tcp,::1,15001")
        servers.enter_context(near.answering(*sidecar))
        others = [f"tcp,{host},{port}" for host in ("0.0.0.0", "::") for port in (80, 81, 90)]
        servers.enter_context(far.answering(*others))
        yield near, far


def connect(
    near: NetNamespace, host: str, port: int, *, uid: int = 0, at: Path | None = None
) -> Any:
    """Return what a server says to a program of that user, in that cgroup; or the error's name."""
    command = ["/usr/bin/python3", "-c", _CONNECT, host, str(port)]
    answer = near.run(*(entering(at, *command) if at else command), uid=uid).stdout.strip()
    return json.loads(answer) if answer.startswith("{") else answer


def steered(answer: dict[str, str]) -> tuple[str, str]:
    return answer["at"], answer["meant"]


@pytest.mark.parametrize(
    ("host", "port", "sidecar"),
    [
        ("10.77.0.2", 80, "127.0.0.1"),
        ("fd77::2", 80, "::1"),
        ("10.77.0.2", 90, "127.0.0.1"),
        ("fd77::2", 90, "::1"),
        ("127.0.0.9", 80, "127.0.0.1"),  # loopback, because it is asked for
        ("::ffff:10.77.0.2", 80, "127.0.0.1"),
    ],
)
def test_what_the_app_means_to_reach_comes_to_the_sidecar(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path, host: str, port: int, sidecar: str
) -> None:
    near, _ = pair
    apply(near, sidecar_file(tmp_path))
    meant = f"{host.removeprefix('::ffff:')} {port}"
    assert steered(connect(near, host, port, uid=APP)) == (sidecar, meant)


def test_what_nobody_intercepts_and_what_others_connect_to_passes(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path
) -> None:
    near, _ = pair
    apply(near, sidecar_file(tmp_path))
    for host, everywhere in (("10.77.0.2", "0.0.0.0"), ("fd77::2", "::")):
        plain = {"at": everywhere, "meant": None}
        assert connect(near, host, 81, uid=APP) == plain
        assert connect(near, host, 80, uid=_OTHER) == plain
        assert connect(near, host, 80) == plain
    # "*:90" is every address but those of this machine alone.
    for loopback in ("127.0.0.1", "::1"):
        assert connect(near, loopback, 90, uid=APP) == _REFUSED


def test_a_cgroup_and_what_is_below_it_is_steered_whoever_runs_it(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path
) -> None:
    near, _ = pair
    with cgroup("accredit-test") as outer:
        inner, beside = outer / "inner", outer / "beside"
        inner.mkdir()
        beside.mkdir()
        try:
            redirect = f"\n  redirect:\n    cgroups: [{outer.name}/inner]\n"
            apply(near, sidecar_file(tmp_path, redirect))
            assert steered(connect(near, "10.77.0.2", 80, at=inner))[0] == "127.0.0.1"
            assert steered(connect(near, "fd77::2", 80, at=inner))[0] == "::1"
            assert connect(near, "10.77.0.2", 80, at=beside)["meant"] is None
            assert connect(near, "10.77.0.2", 80)["meant"] is None
        finally:
            inner.rmdir()
            beside.rmdir()


def test_removing_restores_and_can_be_repeated(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path
) -> None:
    near, _ = pair
    file = sidecar_file(tmp_path)
    apply(near, file)
    near.run("nft", "add", "table", "inet", "accredit_shop2")
    done = accredit(file, "--remove", "--netns", near.name)
    assert (done.returncode, done.stdout) == (0, "removed accredit_shop\n")
    assert near.rules() == "table inet accredit_shop2 {\n}\n"
    assert connect(near, "10.77.0.2", 80, uid=APP)["meant"] is None
    done = accredit(file, "--remove", "--netns", near.name)
    assert (done.returncode, done.stdout) == (0, "there is no accredit_shop here\n")


def test_refusing_closes_all_other_ways_of_the_app_and_no_others(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path
) -> None:
    near, far = pair
    apply(near, sidecar_file(tmp_path, f"{PASS}    otherwise: refuse\n"))
    for host, sidecar in (("10.77.0.2", "127.0.0.1"), ("fd77::2", "::1")):
        assert connect(near, host, 81, uid=APP) == _REFUSED
        assert connect(near, host, 81, uid=_OTHER)["meant"] is None
        assert steered(connect(near, host, 80, uid=APP))[0] == sidecar
        assert connect(near, sidecar, 15001, uid=APP)["at"] == sidecar
    # The app still serves: its answers to others are no connections of its own.
    with near.answering("tcp,0.0.0.0,8080", "tcp,::,8081", uid=APP):
        assert connect(far, "10.77.0.1", 8080)["at"] == "0.0.0.0"
        assert connect(far, "fd77::1", 8081)["at"] == "::"


def test_refusing_leaves_udp_alone(pair: tuple[NetNamespace, NetNamespace], tmp_path: Path) -> None:
    near, far = pair
    apply(near, sidecar_file(tmp_path, f"{PASS}    otherwise: refuse\n"))
    receive = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('10.77.0.2', 80));"
    receive += "s.settimeout(30); print('ready', flush=True); print(s.recv(99))"
    send = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('10.77.0.2', 80))"
    command = far.inside("/usr/bin/python3", "-c", receive)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as receiver:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == b"ready\n"
        near.run("/usr/bin/python3", "-c", send, uid=APP)
        assert receiver.stdout.readline() == b"b'x'\n"


def test_without_a_listener_of_ipv6_what_any_address_stands_for_is_refused_and_not_passed(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path
) -> None:
    near, _ = pair
    outbound = '\n  outbound:\n    - {intercept: ["*:90"], expect: [/payments]}\n'
    apply(near, sidecar_file(tmp_path, f'{PASS}    listen: ["127.0.0.1:15001"]\n', outbound))
    assert steered(connect(near, "10.77.0.2", 90, uid=APP))[0] == "127.0.0.1"
    assert connect(near, "fd77::2", 90, uid=APP) == _REFUSED
    assert connect(near, "fd77::2", 90, uid=_OTHER)["meant"] is None
    assert connect(near, "fd77::2", 81, uid=APP)["meant"] is None


def test_a_connection_that_bears_the_sidecars_mark_is_not_steered(
    pair: tuple[NetNamespace, NetNamespace], tmp_path: Path
) -> None:
    near, _ = pair
    apply(near, sidecar_file(tmp_path))
    marked = _CONNECT.replace(
        "socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as server:",
        "socket.socket() as server:\n"
        "        server.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 5)\n"
        "        server.connect((sys.argv[1], int(sys.argv[2])))",
    )
    command = ["/usr/bin/python3", "-c", marked, "10.77.0.2", "80"]
    assert json.loads(near.run(*command, uid=APP).stdout)["meant"] is None
