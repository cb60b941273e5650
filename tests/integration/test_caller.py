"""What a process can do between connecting and being answered; mostly needs root."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from support import needs, other_user
from support.calling import calling
from support.old_kernel import OldKernelSocket

from accredit.attestation.caller import identify
from accredit.identity.errors import AttestationError

# Runs where it is told to: identifies whoever connects, and prints what came of it.
_IDENTIFIER = """
import socket, sys
from accredit.attestation.caller import identify
from accredit.identity.errors import AccreditError
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print("listening", flush=True)
    sock, _ = listener.accept()
    try:
        print(identify(sock).uid, flush=True)
    except AccreditError as error:
        print(error, flush=True)
"""

# Attests whoever connects, and prints the uid and what could not be told.
_ATTESTOR = """
import asyncio, socket, sys
from accredit.attestation.caller import identify
from accredit.attestation.names import Names
from accredit.attestation.unix import UnixAttestor, UnixSettings
from accredit.rotation.clock import SystemClock

async def main(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("listening", flush=True)
        sock, _ = listener.accept()
        clock = SystemClock()
        attestor = UnixAttestor(UnixSettings(discover_path=True), clock, Names(clock))
        evidence = await attestor.attest(identify(sock))
        uid = next(s.value for s in evidence.selectors if s.value.startswith("uid:"))
        print(uid, evidence.failures, flush=True)

asyncio.run(main(sys.argv[1]))
"""

# A parent that lets a process connect, ends it, and has the next one given the same pid.
_REUSER = """
import ctypes, os, signal, socket, struct, sys
path, = sys.argv[1:]

def again(pid):
    pids = (ctypes.c_int * 1)(pid)
    fields = [0] * 4 + [17] + [0] * 3 + [ctypes.addressof(pids), 1, 0]
    raw = struct.pack("11Q", *fields)
    return ctypes.CDLL(None).syscall(435, raw, len(raw))  # clone3 with set_tid

connected, says_so = os.pipe()
first = os.fork()
if not first:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    os.write(says_so, b"!")
    signal.pause()
os.read(connected, 1)
print(first, flush=True)
sys.stdin.readline()
os.kill(first, 9)
os.waitpid(first, 0)
second = again(first)
if not second:
    os.execv(sys.executable, ["same", "-c", "import time; time.sleep(60)"])
print(second, flush=True)
sys.stdin.readline()
os.kill(second, 9)
"""


class Reuser:
    """A process whose child connects, dies, and is followed by another with the same pid."""

    def __init__(self, path: str) -> None:
        command = [sys.executable, "-c", _REUSER, path]
        self.process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self._heard()

    def replace(self) -> None:
        """End the child and start its successor."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self._heard() == self.pid, "the pid was not given again"

    def end(self) -> None:
        self.process.communicate("\n")

    def _heard(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen()
        yield sock


@pytest.fixture
def reuser(listener: socket.socket) -> Iterator[Reuser]:
    needs.root()
    reuser = Reuser(listener.getsockname())
    yield reuser
    reuser.end()


@pytest.mark.root
@pytest.mark.rows("WC-05")
def test_a_successor_with_the_same_pid_is_not_the_caller(
    reuser: Reuser, listener: socket.socket
) -> None:
    sock, _ = listener.accept()
    with sock:
        caller = identify(sock)
        assert caller.pid == reuser.pid
        reuser.replace()
        # Same pid, same user, same program: all that looking at /proc could compare.
        assert Path(f"/proc/{caller.pid}/exe").samefile(sys.executable)
        with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):
            caller.require_same()


@pytest.mark.root
@pytest.mark.rows("WC-05")
def test_a_successor_with_the_same_pid_is_not_taken_for_the_one_who_connected(
    reuser: Reuser, listener: socket.socket
) -> None:
    reuser.replace()  # before anybody has looked at the connection
    sock, _ = listener.accept()
    with sock, pytest.raises(AttestationError, match=f"caller {reuser.pid} (has exited|is gone)"):
        identify(sock)


@pytest.mark.root
@pytest.mark.rows("WC-05")
def test_on_an_old_kernel_too_a_successor_is_not_the_caller(
    reuser: Reuser, listener: socket.socket
) -> None:
    sock, _ = listener.accept()
    with sock:
        caller = identify(cast("socket.socket", OldKernelSocket(sock)))
        reuser.replace()
        with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):
            caller.require_same()


@pytest.mark.root
@pytest.mark.rows("WE-20")
def test_another_user_is_that_user() -> None:
    python, how = other_user.python()
    with calling(python=python[0], **how) as child:
        caller = identify(child.sock)
        assert (caller.uid, caller.gid) == (other_user.UID, other_user.UID)


@pytest.mark.root
def test_without_privileges_the_program_of_another_user_stays_unknown_and_the_user_does_not() -> (
    None
):
    python, how = other_user.python("-c", _ATTESTOR)
    with other_user.folder() as folder:
        said = _identified_by([*python, folder / "s"], folder / "s", dict(how))
    assert said == (
        "uid:0 {'unix:path': 'seeing the programs of other users takes root or CAP_SYS_PTRACE', "
        "'unix:sha256': 'seeing the programs of other users takes root or CAP_SYS_PTRACE'}"
    )


@pytest.mark.root
def test_a_set_uid_program_does_not_make_its_caller_root() -> None:
    python, how = other_user.python()
    with other_user.folder() as folder, calling(python=python[0], **how) as child:
        program = folder / "sleep"
        shutil.copy("/bin/sleep", program)
        program.chmod(0o4755)
        caller = identify(child.sock)
        child.become(str(program), "60")
        assert "Uid:\t54321\t0\t" in Path(f"/proc/{caller.pid}/status").read_text()
        with pytest.raises(AttestationError, match="not have the user and group it connected"):
            caller.require_same()


@pytest.mark.root
def test_one_that_drops_its_rights_after_connecting_is_refused() -> None:
    needs.root()
    with calling() as child:
        caller = identify(child.sock)
        child.ask("os.setuid(54321)")
        with pytest.raises(AttestationError, match="not have the user and group it connected"):
            caller.require_same()


@pytest.mark.root
def test_one_whose_real_user_is_another_is_refused_at_once() -> None:
    needs.root()
    with calling() as child:
        child.ask("os.setresuid(54321, 0, 0)")
        with pytest.raises(AttestationError, match="not have the user and group it connected"):
            identify(child.sock)


@pytest.mark.root
def test_a_group_counts_like_a_user() -> None:
    needs.root()
    with calling() as child:
        caller = identify(child.sock)
        child.ask("os.setegid(54321)")
        with pytest.raises(AttestationError, match="not have the user and group it connected"):
            caller.require_same()


@pytest.mark.root
def test_a_caller_outside_our_pid_namespace_is_refused(tmp_path: Path) -> None:
    unshare = needs.program("unshare", apt="util-linux")
    needs.root()
    answer = _identified_in([str(unshare), "--pid", "--fork", "--kill-child"], tmp_path / "s")
    assert answer == "caller is outside this pid namespace"


@pytest.mark.root
def test_a_user_our_user_namespace_has_no_name_for_is_refused() -> None:
    unshare = needs.program("unshare", apt="util-linux")
    python, how = other_user.python()
    with other_user.folder() as folder:
        folder.chmod(0o777)
        command = [str(unshare), "--user", "--map-root-user"]
        answer = _identified_in(command, folder / "s", connect=[*python, "-c"], how=how)
    assert answer.endswith("has a user or group unknown in this user namespace")


def _identified_in(
    namespace: list[str],
    path: Path,
    connect: Sequence[str | Path] = (sys.executable, "-c"),
    how: Mapping[str, Any] | None = None,
) -> str:
    """Return what an identifier in a ``namespace`` says of a process outside it."""
    command: list[str | Path] = [*namespace, sys.executable, "-c", _IDENTIFIER, path]
    return _identified_by(command, path, {}, connect, how)


def _identified_by(
    command: Sequence[str | Path],
    path: Path,
    as_whom: Mapping[str, Any],
    connect: Sequence[str | Path] = (sys.executable, "-c"),
    how: Mapping[str, Any] | None = None,
) -> str:
    """Return what a listening ``command`` says of a process that connects to ``path``."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **as_whom) as identifier:
        assert identifier.stdout is not None
        assert identifier.stdout.readline() == "listening\n"
        path.chmod(0o777)
        program = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
        program += "s.recv(1)"
        subprocess.run([*connect, program, path], check=False, timeout=60, **(how or {}))
        said: str = identifier.stdout.readline()
        return said.strip()
