"""A program: an embedded authority dies at every point of its life, and is looked at afterwards.

``embedded_deaths.py SCENARIO MEANS FOLDER`` lives the scenario again and again in child processes,
each of which dies a little later than the one before:

- ``line``: by SIGKILL, before the next line of the modules that touch the disk;
- ``syscall``: by SIGKILL, instead of the next system call that changes a file, inside SQLite too;
- ``byte``: by SIGXFSZ, in the middle of the write that passes a limit of so many bytes.

Each child tells over a pipe what it publishes and signs, so that nothing of it dies with it. After
each death another process opens the folder: all that was told still holds, and life goes on from
there to its end. Prints how many died and what they left behind.
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.clock import EPOCH, FakeClock
from support.embedded import TRUST_DOMAIN, opened, running, settle
from support.entries import entry

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Kind, Phase
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_verify import verify_x509_svid

Tell = Callable[[dict[str, Any]], object]

_DISK = ("vault.py", "store.py", "folder.py")
_PURE = ("_row", "_seconds", "_signer", "_signers", "_time", "_key_path")
_SYSCALLS = (
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "mkdir",
    "unlink",
    "ftruncate",
    "chmod",
)
_PR_SET_PTRACER, _ANYBODY = 0x59616D61, ctypes.c_ulong(-1)
_KEY = generate(KeyType.EC_P256).public_key()
_JUST_BEFORE = timedelta(minutes=3)
_WEB = entry("/web", ttl=timedelta(minutes=10), jwt_ttl=timedelta(minutes=5))
_SETTINGS = EmbeddedSettings(
    ca_lifetime=timedelta(hours=4),
    jwt_key_lifetime=timedelta(hours=4),
    max_x509_ttl=timedelta(minutes=10),
    max_jwt_ttl=timedelta(minutes=5),
)


async def _first_start(folder: Path, clock: FakeClock, tell: Tell) -> None:
    with opened(folder, clock, _SETTINGS) as authority:
        await _tell_all(authority, clock, tell)


async def _scheduled(folder: Path, clock: FakeClock, tell: Tell) -> None:
    with opened(folder, clock, _SETTINGS) as authority:
        await _live_on(authority, clock, tell)


async def _forced(folder: Path, clock: FakeClock, tell: Tell) -> None:
    with opened(folder, clock, _SETTINGS) as authority:
        await _tell_all(authority, clock, tell)
        await authority.rotate()
        await _live_on(authority, clock, tell)


_SCENARIOS = {"first-start": _first_start, "scheduled": _scheduled, "forced": _forced}


async def _live_on(authority: EmbeddedAuthority, clock: FakeClock, tell: Tell) -> None:
    """Live until another root has taken over and is alone, signing on the way."""
    before = authority.bundles[TRUST_DOMAIN].x509_authorities
    async with running(authority) as task:
        await settle(clock)
        while len(authority.bundles[TRUST_DOMAIN].x509_authorities) > 1 or (
            authority.bundles[TRUST_DOMAIN].x509_authorities == before
        ):
            await _tell_all(authority, clock, tell)
            step = (clock.next_wake or clock.now()) - clock.now()
            if step > _JUST_BEFORE:
                step -= _JUST_BEFORE  # so that something is valid when the time has come
            tell({"now": (clock.now() + step).isoformat()})
            clock.advance(step)
            await settle(clock)
        await _tell_all(authority, clock, tell)
        task.cancel()


async def _tell_all(authority: EmbeddedAuthority, clock: FakeClock, tell: Tell) -> None:
    (leaf,) = await authority.sign_x509(_WEB, _KEY)
    token = await authority.sign_jwt(_WEB, ["db"])
    tell(
        {
            "now": clock.now().isoformat(),
            "leaf": base64.b64encode(leaf.public_bytes(Encoding.DER)).decode(),
            "token": token.token,
            "token_ends": token.expires_at.isoformat(),
            "sequence": authority.bundles[TRUST_DOMAIN].sequence,
        }
    )


async def _look_and_live_on(folder: Path, told: list[Any], report: Tell) -> None:
    """Open what was left behind; whatever was told still holds, and life goes on."""
    now = datetime.fromisoformat(told[-1]["now"]) if told else EPOCH
    clock = FakeClock(now)
    with opened(folder, clock, _SETTINGS) as authority:
        signers = authority._vault.state.of(Kind.X509)
        report({"left": "+".join(signer.phase for signer in signers)})
        _check_told(authority, told, now)
        _check_files(folder, authority)
        await _live_on(authority, clock, lambda _: None)
        _check_files(folder, authority)


def _look_after(folder: Path, told: list[Any], report: Tell) -> None:
    asyncio.run(_look_and_live_on(folder, told, report))


def _check_told(authority: EmbeddedAuthority, told: list[Any], now: datetime) -> None:
    bundles = authority.bundles
    for each in told:
        if "leaf" not in each:
            continue
        leaf = x509.load_der_x509_certificate(base64.b64decode(each["leaf"]))
        if now < leaf.not_valid_after_utc:
            verify_x509_svid([leaf], bundles, now)
        if now < datetime.fromisoformat(each["token_ends"]):
            validate_jwt_svid(each["token"], ["db"], bundles, now)
        sequence = bundles[TRUST_DOMAIN].sequence
        assert sequence is not None
        assert sequence >= each["sequence"]


def _check_files(folder: Path, authority: EmbeddedAuthority) -> None:
    """There is a key for each signer that needs one, and nothing else."""
    state = authority._vault.state
    needed = {f"{s.kind}-{s.kid}.key" for s in state.signers if s.phase is not Phase.OLD}
    assert {path.name for path in (folder / "authority" / "keys").iterdir()} == needed
    assert {path.name for path in folder.iterdir()} == {"authority", "authority.lock"}


class _Death:
    """What a child does before it lives, and what is done to it meanwhile."""

    def prepare(self) -> None:
        """In the child."""

    def accompany(self, pid: int) -> subprocess.Popen[str] | None:
        """In the parent, before the child goes on."""
        del pid
        return None


@dataclass
class _AtLine(_Death):
    left: int

    def prepare(self) -> None:
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if event == "call" and (not code.co_filename.endswith(_DISK) or code.co_name in _PURE):
            return None
        if event == "line":
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._trace


@dataclass
class _AtByte(_Death):
    count: int

    def prepare(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.count, self.count))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it


@dataclass
class _AtSyscall(_Death):
    name: str
    count: int

    def prepare(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)

    def accompany(self, pid: int) -> subprocess.Popen[str]:
        inject = f"inject={self.name}:signal=SIGKILL:when={self.count}"
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-o", "/dev/null", "-e", inject],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr is not None
        if "attached" not in (line := tracer.stderr.readline()):
            raise SystemExit(line)
        return tracer


_MEANS: dict[str, list[Iterator[_Death]]] = {
    "line": [map(_AtLine, count(0))],
    "byte": [map(_AtByte, count(0, 512))],
    "syscall": [map(partial(_AtSyscall, name), count(1)) for name in _SYSCALLS],
}


def _in_child(work: Callable[[Tell], None], death: _Death | None = None) -> tuple[int, list[Any]]:
    """Return how a child that did ``work`` ended, and what it told before."""
    ear, mouth = os.pipe()
    parent, child = socket.socketpair()
    if (pid := os.fork()) == 0:
        os.close(ear)
        if death:
            death.prepare()
        child.send(b"?")
        child.recv(1)
        work(lambda facts: os.write(mouth, json.dumps(facts).encode() + b"\n"))
        os._exit(0)
    os.close(mouth)
    with parent, child:
        parent.recv(1)
        tracer = death.accompany(pid) if death else None
        parent.send(b"!")
    with os.fdopen(ear, "rb") as file:
        told = [json.loads(line) for line in file]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if tracer:
        tracer.communicate()
    return status, told


def _checked(work: Callable[[Tell], None]) -> list[Any]:
    status, told = _in_child(work)
    if status != 0:
        raise SystemExit(f"the child that was to live ended with {status}")
    return told


def _main(scenario: str, means: str, folder: Path) -> None:
    base, work = folder / "base", folder / "work"
    base.mkdir(mode=0o700)
    if scenario != "first-start":
        _checked(lambda tell: asyncio.run(_first_start(base, FakeClock(), tell)))
    deaths, left = 0, Counter[str]()

    def life(tell: Tell) -> None:
        asyncio.run(_SCENARIOS[scenario](work, FakeClock(), tell))

    for series in _MEANS[means]:
        for death in series:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(base, work)
            status, told = _in_child(life, death)
            assert status in {0, -signal.SIGKILL, -signal.SIGXFSZ}, status
            found = _checked(partial(_look_after, work, told))
            left.update(each["left"] for each in found)
            if status == 0:
                break
            deaths += 1
    print(json.dumps({"deaths": deaths, "left": left}))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
