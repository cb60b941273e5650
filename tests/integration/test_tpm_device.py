"""A TPM behind one thread: many ask it, it goes away and comes back, nothing is left in it."""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from support import eavesdropper, swtpm
from support.eventually import eventually
from support.swtpm import SoftwareTpm

from accredit.attestation.tpm import key as tpm_key
from accredit.attestation.tpm.answers import LostError
from accredit.attestation.tpm.connection import Connection, Wrapped
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.evidence import AttestationKind, create_attestation_key
from accredit.attestation.tpm.key import TpmKey
from accredit.attestation.tpm.sealing import seal, unseal
from accredit.attestation.tpm.settings import TpmSettings
from accredit.identity.errors import PrivateKeyError, TpmError, TpmUnavailableError

_ECDSA = ec.ECDSA(hashes.SHA256())
_SIGN_AND_DIE = """
import os, signal, sys
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from accredit.attestation.tpm import key
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.settings import TpmSettings

device = Device(TpmSettings(sys.argv[1]))
for path in sys.argv[2:]:
    key.from_pem(device, open(path, "rb").read()).sign(b"x", ec.ECDSA(hashes.SHA256()))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def tpm() -> Iterator[SoftwareTpm]:
    with swtpm.running() as tpm:
        yield tpm


@pytest.fixture
def device(tpm: SoftwareTpm) -> Iterator[Device]:
    with closing(Device(tpm.settings)) as device:
        yield device


def _signs(key: TpmKey) -> None:
    key.public_key().verify(key.sign(b"text", _ECDSA), b"text", _ECDSA)


def test_more_keys_than_the_tpm_has_room_for_sign_in_turns(device: Device) -> None:
    keys = [tpm_key.make(device) for _ in range(5)]
    for key in keys * 2:
        _signs(key)


def test_many_threads_may_sign_at_once(device: Device) -> None:
    keys = [tpm_key.make(device) for _ in range(3)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(_signs, keys * 20)) == [None] * 60


def test_a_key_comes_back_from_its_file(device: Device) -> None:
    key = tpm_key.make(device)
    again = tpm_key.from_pem(device, tpm_key.to_pem(key))
    assert again.public_key() == key.public_key()
    _signs(again)


def test_a_key_does_nothing_but_sign(device: Device) -> None:
    key = tpm_key.make(device)
    for refused in (
        lambda: key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        key.private_numbers,
        lambda: key.exchange(ec.ECDH(), key.public_key()),
    ):
        with pytest.raises(UnsupportedAlgorithm, match="cannot be taken out"):
            refused()
    for kind in (hashes.SHA384(), Prehashed(hashes.SHA256())):
        with pytest.raises(UnsupportedAlgorithm, match="signs with SHA-256 only"):
            key.sign(b"x" * 32, ec.ECDSA(kind))


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"-----BEGIN TSS2 PRIVATE KEY-----\n",
        lambda pem: pem.replace(b"BEGIN TSS2", b"BEGIN"),
        lambda pem: pem[:80] + pem[120:],
        lambda pem: pem[:40] + b"!!" + pem[42:],
    ],
)
def test_a_damaged_key_file_is_refused(device: Device, damage: object) -> None:
    assert callable(damage)
    with pytest.raises(PrivateKeyError):
        tpm_key.from_pem(device, damage(tpm_key.to_pem(tpm_key.make(device))))


@pytest.mark.parametrize(
    ("kind", "words"),
    [("ecc384:ecdsa-sha384:null", "expected a key on P-256"), ("rsa1024:rsassa-sha256", "size")],
)
def test_a_key_file_of_another_kind_is_refused(device: Device, kind: str, words: str) -> None:
    def other(connection: Connection) -> Wrapped:
        kinds = connection.tss.TPMA_OBJECT
        attributes = kinds.FIXEDTPM | kinds.FIXEDPARENT | kinds.SENSITIVEDATAORIGIN
        attributes |= kinds.USERWITHAUTH | kinds.SIGN_ENCRYPT
        return connection.create(
            connection.tss.TPM2B_PUBLIC.parse(kind, objectAttributes=attributes)
        )

    good = tpm_key.make(device)
    bad = TpmKey(device, device.ask(other), good.public_key())
    with pytest.raises(PrivateKeyError, match=words):
        tpm_key.from_pem(device, tpm_key.to_pem(bad))


def test_a_copy_of_a_key_is_the_same_key(device: Device) -> None:
    key = tpm_key.make(device)
    assert copy.copy(key) is copy.deepcopy(key) is key
    assert (key.curve.name, key.key_size) == ("secp256r1", 256)


def test_a_key_that_may_leave_its_tpm_is_refused(device: Device) -> None:
    def movable(connection: Connection) -> Wrapped:
        kinds = connection.tss.TPMA_OBJECT
        attributes = kinds.SENSITIVEDATAORIGIN | kinds.USERWITHAUTH | kinds.SIGN_ENCRYPT
        parse = connection.tss.TPM2B_PUBLIC.parse
        return connection.create(parse("ecc256:ecdsa-sha256:null", objectAttributes=attributes))

    good = tpm_key.make(device)
    bad = TpmKey(device, device.ask(movable), good.public_key())
    with pytest.raises(PrivateKeyError, match="may leave its TPM"):
        tpm_key.from_pem(device, tpm_key.to_pem(bad))


def test_a_tpm_that_was_started_anew_is_used_again_at_once(
    tpm: SoftwareTpm, device: Device
) -> None:
    key = tpm_key.make(device)
    _signs(key)
    tpm.restart()
    _signs(key)


def test_a_tpm_that_is_away_is_an_error_until_it_comes_back(
    tpm: SoftwareTpm, device: Device
) -> None:
    key = tpm_key.make(device)
    tpm.kill()
    for _ in range(3):
        with pytest.raises(TpmUnavailableError, match="does not answer"):
            _signs(key)
    tpm.start()
    _signs(key)


def test_another_tpm_does_not_take_the_key(tpm: SoftwareTpm, device: Device) -> None:
    key = tpm_key.make(device)
    pem = tpm_key.to_pem(key)
    tpm.exchange()
    with pytest.raises(TpmError, match="did not make it, or was cleared since"):
        _signs(key)
    with pytest.raises(TpmError, match="bring back that TPM"):
        tpm_key.from_pem(device, pem)


def test_somebody_elses_key_in_the_place_of_ours_signs_nothing(
    tpm: SoftwareTpm, device: Device
) -> None:
    """After a restart the handle we remember may be that of the first who came."""
    key = tpm_key.make(device)
    _signs(key)
    with closing(Device(tpm.settings)) as other:
        theirs = tpm_key.make(other)
        tpm.restart()
        _signs(theirs)
        _signs(key)
        _signs(theirs)


def test_a_key_of_another_kind_in_the_place_of_ours_is_no_refusal(
    tpm: SoftwareTpm, device: Device
) -> None:
    key = tpm_key.make(device)
    _signs(key)
    with closing(Device(tpm.settings)) as others:
        theirs = others.ask(lambda each: create_attestation_key(each, AttestationKind.ECC))
        tpm.restart()
        others.ask(lambda each: each.key(theirs))
        _signs(key)


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


def test_a_connection_that_was_lost_leaves_room_for_other_keys(
    tpm: SoftwareTpm, device: Device
) -> None:
    keys = [tpm_key.make(device) for _ in range(3)]
    for key in keys[:2]:
        _signs(key)

    def is_lost(_: Connection) -> None:
        raise LostError

    with pytest.raises(TpmUnavailableError):
        device.ask(is_lost)
    _signs(keys[2])
    assert tpm.loaded() == 1


def test_nothing_is_left_in_the_tpm(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as device:
        for key in [tpm_key.make(device) for _ in range(3)]:
            _signs(key)
        assert tpm.loaded() == 2
    assert tpm.loaded() == 0


def test_what_a_killed_process_left_in_the_tpm_is_used_and_freed(
    tpm: SoftwareTpm, tmp_path: Path
) -> None:
    with closing(Device(tpm.settings)) as device:
        pems = [tpm_key.to_pem(tpm_key.make(device)) for _ in range(2)]
    files = [tmp_path / f"{number}.tpm" for number in range(2)]
    for file, pem in zip(files, pems, strict=True):
        file.write_bytes(pem)
    died = [sys.executable, "-c", _SIGN_AND_DIE, tpm.device, *map(str, files)]
    for _ in range(3):
        subprocess.run(died, check=False)
        assert tpm.loaded() == 2
    with closing(Device(tpm.settings)) as device:
        for pem in pems:
            _signs(tpm_key.from_pem(device, pem))
        _signs(tpm_key.make(device))
    assert tpm.loaded() == 0


def test_keys_of_others_stay_where_they_are(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as others:
        theirs = tpm_key.make(others)
        _signs(theirs)
        with closing(Device(tpm.settings)) as device:
            _signs(tpm_key.make(device))
        assert tpm.loaded() == 1
        _signs(theirs)


def test_after_a_reset_our_places_are_others_and_closing_frees_nothing(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as others:
        with closing(Device(tpm.settings)) as device:
            _signs(tpm_key.make(device))
            tpm.restart()
            theirs = tpm_key.make(others)
            _signs(theirs)
        assert tpm.loaded() == 1


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


def test_a_tpm_full_of_others_keys_says_what_helps(tpm: SoftwareTpm, device: Device) -> None:
    with closing(Device(tpm.settings)) as others:
        for key in [tpm_key.make(others) for _ in range(2)]:
            _signs(key)
        with pytest.raises(TpmUnavailableError, match=r"use its resource manager, /dev/tpmrm0"):
            tpm_key.make(device)


async def test_a_hanging_tpm_holds_up_neither_the_event_loop_nor_more_than_may_wait(
    tpm: SoftwareTpm,
) -> None:
    settings = TpmSettings(tpm.device, timedelta(seconds=30), waiting=4)
    with closing(Device(settings)) as device:
        key = await asyncio.to_thread(tpm_key.make, device)
        tpm.freeze()
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(key.run(lambda: key.sign(b"x", _ECDSA))) for _ in range(4)]
            await asyncio.sleep(0)
            with pytest.raises(TpmUnavailableError, match="4 requests wait for the TPM"):
                await key.run(lambda: key.sign(b"x", _ECDSA))
            waiting[3].cancel()  # not begun yet: it never will be
            tpm.thaw()
        for each in waiting[:3]:
            key.public_key().verify(each.result(), b"x", _ECDSA)
        assert waiting[3].cancelled()
        # Its place is free again once its turn has passed.
        await eventually(lambda: device._places._value == 4, 60)
        await key.run(lambda: key.sign(b"x", _ECDSA))


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
