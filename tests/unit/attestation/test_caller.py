from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from support import descriptors
from support.calling import Child, calling
from support.old_kernel import OldKernelSocket

from accredit.attestation.caller import KernelCaller, identify
from accredit.identity.errors import AttestationError, UnavailableError

Identify = Callable[[socket.socket], KernelCaller]


def _on_an_old_kernel(sock: socket.socket) -> KernelCaller:
    return identify(cast("socket.socket", OldKernelSocket(sock)))


@pytest.fixture(params=[identify, _on_an_old_kernel], ids=["peerpidfd", "old-kernel"])
def identified(request: pytest.FixtureRequest) -> Identify:
    return cast("Identify", request.param)


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


@pytest.mark.rows("WC-05")
def test_the_kernel_says_who_calls_and_since_when_it_runs(
    child: Child, identified: Identify
) -> None:
    caller = identified(child.sock)
    assert (caller.pid, caller.uid, caller.gid) == (child.process.pid, os.getuid(), os.getgid())
    stat = Path(f"/proc/{caller.pid}/stat").read_text()
    assert caller.start_time == int(stat.rpartition(")")[2].split()[19])
    caller.require_same()


def test_a_caller_that_died_before_it_was_identified_is_refused(
    child: Child, identified: Identify
) -> None:
    child.end()
    with pytest.raises(AttestationError, match=f"caller {child.process.pid} (has exited|is gone)"):
        identified(child.sock)


def test_a_caller_that_dies_later_is_refused(child: Child, identified: Identify) -> None:
    caller = identified(child.sock)
    child.end()
    with pytest.raises(AttestationError, match=f"caller {caller.pid} (has exited|is gone)"):
        caller.require_same()


def test_a_caller_that_dies_while_it_is_looked_at_is_refused(
    child: Child, identified: Identify
) -> None:
    caller = identified(child.sock)
    with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):  # noqa: SIM117
        with caller.opened():
            child.end()


def test_a_caller_that_runs_another_program_is_refused(child: Child, identified: Identify) -> None:
    caller = identified(child.sock)
    child.become("/bin/sleep", "60")
    with pytest.raises(AttestationError, match="runs another program than when it connected"):
        caller.require_same()


def test_a_caller_whose_program_is_upgraded_meanwhile_stays_who_it_is(tmp_path: Path) -> None:
    program = tmp_path / "python"
    shutil.copy(os.path.realpath("/usr/bin/python3"), program)
    with calling(python=program) as child:
        caller = identify(child.sock)
        program.unlink()
        shutil.copy("/bin/true", program)
        caller.require_same()


def test_a_closed_connection_has_no_caller(child: Child, identified: Identify) -> None:
    caller = identified(child.sock)
    child.sock.close()
    with pytest.raises(AttestationError, match=f"caller {caller.pid} is gone"):
        caller.require_same()


def test_no_descriptor_is_held_for_a_connection(child: Child) -> None:
    before = descriptors.count()
    caller = identify(child.sock)
    caller.require_same()
    assert descriptors.count() == before


def test_on_an_old_kernel_one_descriptor_is_held_as_long_as_the_caller(child: Child) -> None:
    before = descriptors.count()
    caller = _on_an_old_kernel(child.sock)
    assert descriptors.count() == before + 1
    del caller
    assert descriptors.count() == before


def test_on_an_old_kernel_a_process_that_started_at_another_time_is_another(child: Child) -> None:
    caller = _on_an_old_kernel(child.sock)
    caller.start_time -= 1
    with pytest.raises(AttestationError, match=f"caller {caller.pid} has been replaced"):
        caller.require_same()


def test_being_out_of_descriptors_says_nothing_about_the_caller(
    child: Child, identified: Identify
) -> None:
    with descriptors.limited_to(0), pytest.raises(UnavailableError, match="Too many open files"):
        identified(child.sock)


def test_ourselves_are_a_caller_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert identify(ours).pid == os.getpid()
