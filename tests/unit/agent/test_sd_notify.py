"""What a supervisor hears, on a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accredit.agent.sd_notify import SystemdNotifier


def heard(address: str, tell: Callable[[SystemdNotifier], None]) -> dict[str, str]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind("\0" + address[1:] if address.startswith("@") else address)
        tell(SystemdNotifier(address))
        supervisor.settimeout(1)
        lines = supervisor.recv(4096).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_what_keeps_it_from_being_ready_is_a_status_alone(tmp_path: Path) -> None:
    state = heard(str(tmp_path / "notify"), lambda notifier: notifier.waiting("no secret yet"))
    assert state == {"STATUS": "no secret yet"}


@pytest.mark.parametrize("abstract", [False, True])
def test_ready_comes_with_a_status_line(tmp_path: Path, *, abstract: bool) -> None:
    address = f"@accredit-test-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    state = heard(address, lambda notifier: notifier.ready("serving 3 entries"))
    assert state == {"READY": "1", "STATUS": "serving 3 entries"}


def test_reloading_carries_the_monotonic_time_systemd_pairs_it_by(tmp_path: Path) -> None:
    before = time.monotonic_ns() // 1000
    state = heard(str(tmp_path / "notify"), SystemdNotifier.reloading)
    assert state["RELOADING"] == "1"
    assert before <= int(state["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_stopping_is_told(tmp_path: Path) -> None:
    assert heard(str(tmp_path / "notify"), SystemdNotifier.stopping)["STOPPING"] == "1"


def test_a_supervisor_that_has_gone_is_no_failure(tmp_path: Path) -> None:
    SystemdNotifier(str(tmp_path / "nobody")).ready("serving")


def test_a_supervisor_that_does_not_read_blocks_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        for _ in range(2000):
            SystemdNotifier(str(tmp_path / "notify")).stopping()


def test_without_a_supervisor_nothing_is_said() -> None:
    SystemdNotifier("").ready("serving")


def test_it_is_told_that_we_are_alive(tmp_path: Path) -> None:
    assert heard(str(tmp_path / "notify"), SystemdNotifier.alive) == {"WATCHDOG": "1"}


@pytest.mark.parametrize(
    ("pid", "microseconds", "patience"),
    [
        ("ours", "1500000", 1.5),
        ("", "1500000", 1.5),
        ("1", "1500000", 0),
        ("", "soon", 0),
        ("", "", 0),
    ],
)
def test_what_systemd_meant_for_us_is_taken_so_that_no_child_has_it(
    monkeypatch: pytest.MonkeyPatch, pid: str, microseconds: str, patience: float
) -> None:
    meant = {
        "NOTIFY_SOCKET": "/x",
        "WATCHDOG_USEC": microseconds,
        "WATCHDOG_PID": pid.replace("ours", str(os.getpid())),
    }
    for name, value in meant.items():
        monkeypatch.setenv(name, value)
    assert SystemdNotifier.from_environment().patience == patience
    assert not meant.keys() & os.environ.keys()
