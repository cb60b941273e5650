from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import needs
from support.cgroup import cgroup, entering

from accredit.attestation.cgroups.locate import Locator
from accredit.attestation.process import Process, opened
from accredit.identity.errors import AttestationError

ID = "0123456789abcdef" * 4
SOMEBODY = 54321


@contextmanager
def process_in(folder: Path) -> Iterator[Process]:
    command = entering(folder, "/bin/sh", "-c", "echo in; read line")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:  # type: ignore[call-overload]
        child.stdout.readline()
        pidfd = os.pidfd_open(child.pid)
        try:
            with opened(child.pid, pidfd) as process:
                yield process
        finally:
            os.close(pidfd)
            child.communicate(b"\n")


def test_a_process_of_the_host_is_in_no_container() -> None:
    with process_in_place() as process:
        assert Locator().locate_of_root(process) is None


@contextmanager
def process_in_place() -> Iterator[Process]:
    pidfd = os.pidfd_open(os.getpid())
    try:
        with opened(os.getpid(), pidfd) as process:
            yield process
    finally:
        os.close(pidfd)


@pytest.mark.root
def test_a_cgroup_that_root_made_is_believed() -> None:
    with cgroup(f"docker-{ID}") as folder, process_in(folder) as process:
        container = Locator().locate_of_root(process)
    assert container is not None
    assert (container.id, container.folders) == (ID, {"": f"/{folder.name}"})


@pytest.mark.root
def test_a_cgroup_that_a_user_made_in_a_delegated_one_is_not() -> None:
    with cgroup("delegated") as delegated:
        os.chown(delegated, SOMEBODY, SOMEBODY)
        forged = delegated / f"docker-{ID}.scope"
        forged.mkdir()
        try:
            with process_in(forged) as process:
                with pytest.raises(AttestationError, match=f"but user {SOMEBODY} owns a directory"):
                    Locator().locate_of_root(process)
                located = Locator().locate(process)
        finally:
            forged.rmdir()
    assert located is not None
    assert located.owner == SOMEBODY


@pytest.mark.root
def test_cgroups_of_two_users_are_nobodys() -> None:
    with cgroup("delegated") as delegated:
        os.chown(delegated, SOMEBODY, SOMEBODY)
        inner = delegated / f"libpod-{ID}"
        inner.mkdir()
        os.chown(inner, SOMEBODY + 1, 0)
        try:
            with process_in(inner) as process:
                match = f"cgroups of several users: {SOMEBODY}, {SOMEBODY + 1}"
                with pytest.raises(AttestationError, match=match):
                    Locator().locate(process)
        finally:
            inner.rmdir()


@pytest.mark.root
def test_a_sibling_of_our_cgroup_namespace_is_refused() -> None:
    unshare = needs.program("unshare", apt="util-linux")
    look = (
        "import os\n"
        "from accredit.attestation.cgroups.locate import Locator\n"
        "from accredit.attestation.process import opened\n"
        "pid = os.getppid()\n"
        "with opened(pid, os.pidfd_open(pid)) as process:\n"
        "    Locator().locate(process)\n"
    )
    with cgroup("ours") as ours, cgroup(f"docker-{ID}") as theirs:
        python: list[str | Path] = [unshare, "--cgroup", sys.executable, "-c", look]
        enter = entering(ours, *python)
        shell: list[str | Path] = [
            "/bin/sh",
            "-c",
            'echo $$ > "$0/cgroup.procs" && "$@" </dev/null',
            theirs,
            *enter,
        ]
        child = subprocess.run(shell, check=False, capture_output=True, text=True)
    assert "is outside the cgroup namespace of this agent" in child.stderr
    assert "AttestationError" in child.stderr
