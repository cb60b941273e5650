from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import descriptors

from accredit.attestation.process import Executable, has_exited, opened
from accredit.identity.errors import AttestationError, UnavailableError

HERE = Executable(b"/usr/bin/x", 1, 2)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def pidfd(child: subprocess.Popen[bytes]) -> Iterator[int]:
    descriptor = os.pidfd_open(child.pid)
    yield descriptor
    os.close(descriptor)


def test_a_live_process_is_read(child: subprocess.Popen[bytes], pidfd: int) -> None:
    with opened(child.pid, pidfd) as process:
        assert process.ids().uids[0] == os.getuid()
        assert process.start_time() > 0
        assert process.namespace("user") == _identity("/proc/self/ns/user")
        found = process.executable()
    assert found is not None
    assert found[1:] == _identity("/bin/sleep")
    assert os.path.realpath("/bin/sleep") == found.link.decode()


def test_a_process_that_has_exited_is_refused(child: subprocess.Popen[bytes], pidfd: int) -> None:
    child.kill()
    child.wait()
    assert has_exited(pidfd)
    with pytest.raises(AttestationError, match=f"caller {child.pid} has exited"):  # noqa: SIM117
        with opened(child.pid, pidfd):
            pass


def test_a_zombie_has_exited(child: subprocess.Popen[bytes], pidfd: int) -> None:
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(AttestationError, match=f"caller {child.pid} has exited"):  # noqa: SIM117
        with opened(child.pid, pidfd):
            pass


def test_one_that_exits_while_it_is_looked_at_is_refused(
    child: subprocess.Popen[bytes], pidfd: int
) -> None:
    def look() -> None:
        with opened(child.pid, pidfd) as process:
            process.ids()
            child.kill()
            child.wait()

    with pytest.raises(AttestationError, match=f"caller {child.pid} has exited"):
        look()


def test_reading_after_the_exit_is_the_same_refusal(
    child: subprocess.Popen[bytes], pidfd: int
) -> None:
    def look() -> None:
        with opened(child.pid, pidfd) as process:
            child.kill()
            child.wait()
            process.ids()

    with pytest.raises(AttestationError, match=f"caller {child.pid} has exited"):
        look()


def test_a_pid_that_belongs_to_another_process_by_now_is_never_read(
    child: subprocess.Popen[bytes], pidfd: int
) -> None:
    # The pidfd is that of the dead child, the pid that of a process that lives: ourselves.
    child.kill()
    child.wait()
    with pytest.raises(AttestationError, match="has exited"):  # noqa: SIM117
        with opened(os.getpid(), pidfd):
            pytest.fail("a stranger was read")


def test_a_hidden_folder_names_the_cure() -> None:
    # A live process that /proc does not show under this number: as hidepid does to strangers.
    ours = os.pidfd_open(os.getpid())
    try:
        with (
            pytest.raises(AttestationError, match="mount /proc without hidepid, or run as root"),
            opened(4_194_305, ours),
        ):
            pytest.fail("there is no such folder")
    finally:
        os.close(ours)


def test_being_out_of_descriptors_says_nothing_about_the_caller(
    child: subprocess.Popen[bytes], pidfd: int
) -> None:
    with (
        descriptors.limited_to(0),
        pytest.raises(UnavailableError, match="Too many open files"),
        opened(child.pid, pidfd),
    ):
        pytest.fail("there was a descriptor left")


def test_nothing_stays_open(child: subprocess.Popen[bytes], pidfd: int) -> None:
    before = descriptors.count()
    with opened(child.pid, pidfd) as process:
        process.executable()
    child.kill()
    child.wait()
    with pytest.raises(AttestationError), opened(child.pid, pidfd):
        pass
    assert descriptors.count() == before


def test_a_program_stays_the_same_when_it_is_unlinked() -> None:
    assert Executable(b"/usr/bin/x (deleted)", 1, 2).is_same_as(HERE)


@pytest.mark.parametrize(
    "other",
    [
        Executable(b"/usr/bin/y", 1, 2),
        Executable(b"/usr/bin/x", 1, 3),
        Executable(b"/usr/bin/x", 2, 2),
        Executable(b"/usr/bin/x (deleted) (deleted)", 1, 2),
    ],
)
def test_another_file_or_another_name_is_another_program(other: Executable) -> None:
    assert not other.is_same_as(HERE)


def _identity(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino
