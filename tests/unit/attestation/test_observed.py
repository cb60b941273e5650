from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import needs
from support.calling import calling

from accredit.attestation.caller import identify
from accredit.attestation.observed import ids_of, observe
from accredit.attestation.proc import is_kernel_thread
from accredit.attestation.process import Process
from accredit.identity.errors import AttestationError


@contextmanager
def sleeping(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command or ("sleep", "1000"))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _refused(pid: int) -> str:
    with pytest.raises(AttestationError) as caught:
        observe(pid)
    return str(caught.value)


def test_a_process_that_has_not_connected_is_known_as_if_it_had() -> None:
    with calling() as child:
        connected, observed = identify(child.sock), observe(child.process.pid)
        assert (observed.pid, observed.uid, observed.gid) == (
            connected.pid,
            connected.uid,
            connected.gid,
        )
        assert observed.start_time == connected.start_time
        observed.require_same()
        child.end()
        with pytest.raises(AttestationError, match="has exited"):
            observed.require_same()


def test_what_execs_another_program_is_no_longer_the_same() -> None:
    with calling() as child:
        observed = observe(child.process.pid)
        child.become("/bin/sleep", "1000")
        with pytest.raises(AttestationError, match="runs another program"):
            observed.require_same()


def test_a_process_that_does_not_exist_is_told_so() -> None:
    with sleeping() as process:
        pid = process.pid
    assert _refused(pid) == f"there is no process {pid}"


@pytest.mark.parametrize("pid", [-1, 0, 1 << 40])
def test_what_is_no_pid_at_all_does_not_exist(pid: int) -> None:
    assert _refused(pid) == f"there is no process {pid}"


def test_a_process_that_has_exited_and_was_not_reaped_is_told_so() -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert _refused(process.pid).endswith("has exited")
    process.wait()


def test_a_thread_is_told_whose_it_is() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(_refused(threading.get_native_id())))
    thread.start()
    thread.join()
    assert found[0].endswith(f"is a thread; its process is {os.getpid()}")


def test_a_thread_of_the_kernel_is_told_so(tmp_path: Path) -> None:
    """In a container none are to be seen, so what ``/proc`` shows of one lies in a folder."""
    (tmp_path / "stat").write_bytes(_stat(0x00208040))
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(AttestationError, match="process 2 is a thread of the kernel"):
            ids_of(Process(2, -1, folder))
    finally:
        os.close(folder)


def _stat(flags: int) -> bytes:
    return f"2 (kthreadd) S 0 0 0 0 -1 {flags} ".encode() + b"0 " * 43


@pytest.mark.parametrize(("flags", "expected"), [(0x00200040, True), (0x00400100, False)])
def test_the_kernel_marks_its_own_threads(flags: int, *, expected: bool) -> None:
    assert is_kernel_thread(_stat(flags)) is expected


@pytest.mark.root
def test_a_process_with_other_effective_ids_is_refused_as_a_caller_would_be() -> None:
    needs.root()
    program = "import os,time; os.setresuid(65534, 0, 0); print(flush=True); time.sleep(1000)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        assert "runs with other ids (uid 0, gid 0) than those of its user (uid 65534" in _refused(
            process.pid
        )
    finally:
        process.kill()
        process.communicate()


_INSIDE = """
import os, sys, time
wanted = int(sys.argv[1])
while (pid := os.fork()) != wanted:
    if not pid:
        if os.getpid() == wanted:
            print(flush=True)
            time.sleep(1000)
        os._exit(0)
    os.waitpid(pid, 0)
os.waitpid(pid, 0)
"""


@pytest.mark.root
def test_a_pid_inside_a_container_is_told_with_that_of_ours() -> None:
    needs.root()
    inner = next(n for n in range(2, 1 << 22) if not Path(f"/proc/{n}").exists())
    unshare = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", _INSIDE]
    process = subprocess.Popen([*unshare, str(inner)], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        told = _refused(inner)
        assert told.startswith(f"there is no process {inner} here; inside a container it is the")
        outer = observe(int(told.split()[-2]))
        assert outer.uid == 0
    finally:
        process.kill()
        process.communicate()
