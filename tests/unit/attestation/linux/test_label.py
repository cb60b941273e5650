"""No security module is active where tests run, so its files are ours, and so are its labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from accredit.attestation.linux.label import apparmor, label, selinux
from accredit.attestation.process import Process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "proc"
    (folder / "attr").mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    yield Process(1, -1, descriptor)
    os.close(descriptor)


def told(tmp_path: Path, process: Process, module: dict[str, str], raw: bytes) -> set[str]:
    for name, text in module.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "proc/attr/current").write_bytes(raw)
    evidence = label(process, tmp_path / "sys")
    assert not evidence.partial
    return set(map(str, evidence.selectors))


_SELINUX = "fs/selinux/enforce"
_APPARMOR = "module/apparmor/parameters/enabled"
_CONTEXT = b"system_u:system_r:httpd_t:s0\0"


def test_an_enforced_label_is_told(tmp_path: Path, process: Process) -> None:
    assert told(tmp_path, process, {_SELINUX: "1"}, _CONTEXT) == {
        "linux:selinux:system_u:system_r:httpd_t:s0",
        "linux:selinux_type:httpd_t",
    }
    module = {_SELINUX: "0", _APPARMOR: "Y\n"}
    assert told(tmp_path, process, module, b"web (enforce)\n") == {"linux:apparmor:web"}


def test_a_label_that_cannot_be_read_is_a_failure_of_its_own(
    tmp_path: Path, process: Process
) -> None:
    enforce = tmp_path / "sys/fs/selinux/enforce"
    enforce.parent.mkdir(parents=True)
    enforce.write_text("1")
    evidence = label(process, tmp_path / "sys")
    assert "No such file" in evidence.failures["linux:selinux"]


@pytest.mark.parametrize("module", [{}, {_SELINUX: "0"}, {_APPARMOR: "N\n"}])
def test_a_label_that_nothing_enforces_is_not_told(
    tmp_path: Path, process: Process, module: dict[str, str]
) -> None:
    assert told(tmp_path, process, module, _CONTEXT) == set()


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"u:r:t", ["selinux:u:r:t", "selinux_type:t"]),
        (b"u:r:t:s0:c1,c2\n\0", ["selinux:u:r:t:s0:c1,c2", "selinux_type:t"]),
        (b"kernel", []),
        (b"u::t:s0", []),
        (b"u:r:t\xff", []),
        (b"u:r:t\0u:r:t2", []),
        (b"", []),
    ],
)
def test_a_context_has_a_type(raw: bytes, values: list[str]) -> None:
    assert list(selinux(raw)) == values


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"/usr/bin/web (enforce)\n", ["apparmor:/usr/bin/web"]),
        (b"a b//&:ns://c (kill)\n", ["apparmor:a b//&:ns://c"]),
        (b"web (complain)\n", []),
        (b"web (unconfined)\n", []),
        (b"unconfined\n", []),
        (b" (enforce)\n", []),
        (b"we\tb (enforce)\n", []),
        (b"", []),
    ],
)
def test_a_profile_counts_while_it_is_enforced(raw: bytes, values: list[str]) -> None:
    assert list(apparmor(raw)) == values
