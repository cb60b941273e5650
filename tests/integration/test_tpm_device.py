"""A TPM behind one thread: many ask it, it hangs, goes away and comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from support import eavesdropper
from support.eventually import eventually
from support.swtpm import SoftwareTpm
from support.tpm_key import ECDSA, signs

from accredit.attestation.tpm import key as tpm_key
from accredit.attestation.tpm.answers import LostError
from accredit.attestation.tpm.connection import Connection
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.sealing import seal, unseal
from accredit.attestation.tpm.settings import TpmSettings
from accredit.identity.errors import TpmError, TpmUnavailableError


def test_many_threads_may_sign_at_once(device: Device) -> None:
    keys = [tpm_key.make(device) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(signs, keys * 20)) == [None] * 60


def test_a_tpm_that_was_started_anew_is_used_again_at_once(
    tpm: SoftwareTpm, device: Device
) -> None:
    key = tpm_key.make(device)
    signs(key)
    tpm.restart()
    signs(key)


def test_a_tpm_that_is_away_is_an_error_until_it_comes_back(
    tpm: SoftwareTpm, device: Device
) -> None:
    key = tpm_key.make(device)
    tpm.kill()
    for _ in range(3):
        with pytest.raises(TpmUnavailableError, match="does not answer"):
            signs(key)
    tpm.start()
    signs(key)


def test_another_tpm_does_not_take_the_key(tpm: SoftwareTpm, device: Device) -> None:
    key = tpm_key.make(device)
    pem = tpm_key.to_pem(key)
    tpm.exchange()
    with pytest.raises(TpmError, match="did not make it, or was cleared since"):
        signs(key)
    with pytest.raises(TpmError, match="bring back that TPM"):
        tpm_key.from_pem(device, pem)


def test_a_tpm_that_always_forgets_is_an_error_and_no_endless_loop(device: Device) -> None:
    asked = 0

    def forgets(_: Connection) -> None:
        nonlocal asked
        asked += 1
        raise LostError

    for prepare, expected in ((lambda: None, 1), (lambda: tpm_key.make(device), 2)):
        prepare()
        asked = 0
        with pytest.raises(TpmUnavailableError, match="forgets what it holds"):
            device.ask(forgets)
        assert asked == expected


def test_who_listens_on_the_way_to_the_tpm_does_not_hear_what_is_sealed(
    tpm: SoftwareTpm,
) -> None:
    secret, path = os.urandom(32), tpm.folder / "between.sock"
    with (
        eavesdropper.between(path, tpm.folder / "tpm.sock") as ear,
        closing(Device(TpmSettings(f"swtpm:path={path}"))) as device,
    ):
        for pcrs in ((), (16,)):
            assert unseal(device, seal(device, secret, pcrs)) == secret
            # It does hear what is said without a session of that kind.
            area = device.ask(Connection.create_signing_key).public
            assert area in ear.heard
            assert secret not in ear.heard


async def test_a_hanging_tpm_holds_up_neither_the_event_loop_nor_more_than_may_wait(
    tpm: SoftwareTpm,
) -> None:
    settings = TpmSettings(tpm.device, timedelta(seconds=30), waiting=4)
    with closing(Device(settings)) as device:
        key = await asyncio.to_thread(tpm_key.make, device)
        tpm.freeze()
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(key.run(lambda: key.sign(b"x", ECDSA))) for _ in range(4)]
            await asyncio.sleep(0)
            with pytest.raises(TpmUnavailableError, match="4 requests wait for the TPM"):
                await key.run(lambda: key.sign(b"x", ECDSA))
            waiting[3].cancel()  # not begun yet: it never will be
            tpm.thaw()
        for each in waiting[:3]:
            key.public_key().verify(each.result(), b"x", ECDSA)
        assert waiting[3].cancelled()
        # Its place is free again once its turn has passed.
        await eventually(lambda: device._places._value == 4, 60)
        await key.run(lambda: key.sign(b"x", ECDSA))


async def test_who_waits_too_long_is_told_so(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as patient:
        pem = tpm_key.to_pem(tpm_key.make(patient))
    device = Device(TpmSettings(tpm.device, timedelta(milliseconds=300)))
    tpm.freeze()
    with pytest.raises(TpmUnavailableError, match=r"has not answered within 0\.3 s"):
        tpm_key.from_pem(device, pem)
    with pytest.raises(TpmUnavailableError, match=r"has not answered within 0\.3 s"):
        await device.run(lambda: device.ask(Connection.create_signing_key))
    tpm.thaw()
    device.close()


def test_closing_does_not_wait_for_a_tpm_that_hangs(tpm: SoftwareTpm) -> None:
    device = Device(TpmSettings(tpm.device, timedelta(milliseconds=100)))
    tpm.freeze()
    with pytest.raises(TpmUnavailableError):
        tpm_key.make(device)
    device.close()
    assert "tpm" in {thread.name for thread in threading.enumerate()}
    tpm.thaw()


def test_without_the_binding_the_error_says_how_to_install_it(tpm: SoftwareTpm) -> None:
    program = (
        "import sys; sys.modules['tpm2_pytss'] = None\n"
        "from accredit.attestation.tpm import key\n"
        "from accredit.attestation.tpm.device import Device\n"
        "from accredit.attestation.tpm.settings import TpmSettings\n"
        "key.make(Device(TpmSettings(sys.argv[1])))"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, tpm.device],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert "TpmError: the TPM's software is missing" in child.stderr
    assert "pip install 'accredit[tpm]'" in child.stderr
