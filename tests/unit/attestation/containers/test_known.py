from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta

import pytest
from support import descriptors
from support.cgroup import cgroup, entering
from support.clock import FakeClock
from support.fake_engine import ID, described

from accredit.attestation.containers.inspected import parse_inspected
from accredit.attestation.containers.known import Known, KnownContainers, hold
from accredit.identity.errors import AttestationError, UnavailableError


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


def known(pid: int) -> Known:
    return Known(parse_inspected(json.dumps(described(pid)).encode()), hold(pid))


def end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()


def test_a_container_is_known_while_its_process_lives(child: subprocess.Popen[bytes]) -> None:
    containers, one = KnownContainers(FakeClock()), known(child.pid)
    containers.keep(ID, one)
    assert containers.find(ID) is one
    end(child)
    assert not one.first.lives
    assert containers.find(ID) is None


def test_a_container_is_asked_about_again_after_a_while(child: subprocess.Popen[bytes]) -> None:
    clock = FakeClock()
    containers = KnownContainers(clock)
    containers.keep(ID, known(child.pid))
    clock.jump(timedelta(seconds=9))
    assert containers.find(ID)
    clock.jump(timedelta(seconds=1))
    assert containers.find(ID) is None


def test_only_so_many_are_kept_and_their_descriptors_are_closed(
    child: subprocess.Popen[bytes],
) -> None:
    containers = KnownContainers(FakeClock())
    before = descriptors.count()
    for number in range(300):
        containers.keep(f"{number:064x}", known(child.pid))
    assert descriptors.count() - before == 256
    assert containers.find(f"{0:064x}") is None
    assert containers.find(f"{299:064x}") is not None


def test_a_process_that_is_gone_cannot_be_held(child: subprocess.Popen[bytes]) -> None:
    end(child)
    with pytest.raises(UnavailableError, match=f"the container's process {child.pid} is gone"):
        hold(child.pid)


def test_out_of_descriptors_is_told_as_that() -> None:
    with (
        descriptors.limited_to(3),
        pytest.raises(UnavailableError, match="Too many open files"),
    ):
        hold(os.getpid())


def test_a_process_that_ends_meanwhile_holds_nobody(child: subprocess.Popen[bytes]) -> None:
    one = known(child.pid)
    end(child)
    with pytest.raises(AttestationError, match="has exited"):
        one.require_holds(ID, {"": f"/docker/{ID}"})


def test_a_process_in_no_container_holds_nobody() -> None:
    with pytest.raises(AttestationError, match=f"not in container {ID}: its cgroup only has that"):
        known(os.getpid()).require_holds(ID, {})


@pytest.mark.root
def test_whoever_is_in_the_same_directory_is_held_and_nobody_else() -> None:
    with cgroup(f"docker-{ID}") as folder:
        command = entering(folder, "/bin/sh", "-c", "echo in; read line")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            one, name = known(child.pid), f"/{folder.name}"
            one.require_holds(ID, {"": name})
            for wrong in ({"": f"/docker{name}"}, {"": name, "pids": name}, {"pids": name}, {}):
                with pytest.raises(AttestationError, match="only has that name"):
                    one.require_holds(ID, wrong)
            child.communicate(b"\n")
