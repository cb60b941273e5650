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
import json
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.clock import EPOCH, FakeClock
from support.deaths import AtByte, AtLine, AtSyscall, Death, Tell, checked, in_child
from support.embedded import TRUST_DOMAIN, opened, running, settle
from support.entries import entry

from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.settings import EmbeddedSettings
from accredit.authority.embedded.state import Kind, Phase
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.keys import KeyType, generate
from accredit.identity.x509_verify import verify_x509_svid

_DISK = ("vault.py", "key_folder.py", "store.py", "folder.py")
_PURE = ("_row", "_seconds", "_signer", "_signers", "_time", "_file", "_keeper", "_way")
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
    # An old root signs its revocation list.
    needed = {
        f"{s.kind}-{s.kid}.key"
        for s in state.signers
        if s.phase is not Phase.OLD or s.kind is Kind.X509
    }
    assert {path.name for path in (folder / "authority" / "keys").iterdir()} == needed
    assert {path.name for path in folder.iterdir()} == {"authority", "authority.lock"}


_MEANS: dict[str, list[Iterator[Death]]] = {
    "line": [map(partial(AtLine, _DISK, _PURE), count(0))],
    "byte": [map(AtByte, count(0, 512))],
    "syscall": [map(partial(AtSyscall, name), count(1)) for name in _SYSCALLS],
}


def _main(scenario: str, means: str, folder: Path) -> None:
    base, work = folder / "base", folder / "work"
    base.mkdir(mode=0o700)
    if scenario != "first-start":
        checked(lambda tell: asyncio.run(_first_start(base, FakeClock(), tell)))
    deaths, left = 0, Counter[str]()

    def life(tell: Tell) -> None:
        asyncio.run(_SCENARIOS[scenario](work, FakeClock(), tell))

    for series in _MEANS[means]:
        for death in series:
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(base, work)
            status, told = in_child(life, death)
            assert status in {0, -signal.SIGKILL, -signal.SIGXFSZ}, status
            found = checked(partial(_look_after, work, told))
            left.update(each["left"] for each in found)
            if status == 0:
                break
            deaths += 1
    print(json.dumps({"deaths": deaths, "left": left}))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
