"""The few keys a TPM has room for: taken in turns, shared with others, and none left in it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support.swtpm import SoftwareTpm
from support.tpm_key import signs

from accredit.attestation.tpm import key as tpm_key
from accredit.attestation.tpm.answers import LostError
from accredit.attestation.tpm.connection import Connection
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.evidence import AttestationKind, create_attestation_key
from accredit.identity.errors import TpmUnavailableError

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


def test_more_keys_than_the_tpm_has_room_for_sign_in_turns(device: Device) -> None:
    keys = [tpm_key.make(device) for _ in range(5)]
    for key in keys * 2:
        signs(key)


def test_somebody_elses_key_in_the_place_of_ours_signs_nothing(
    tpm: SoftwareTpm, device: Device
) -> None:
    """After a restart the handle we remember may be that of the first who came."""
    key = tpm_key.make(device)
    signs(key)
    with closing(Device(tpm.settings)) as other:
        theirs = tpm_key.make(other)
        tpm.restart()
        signs(theirs)
        signs(key)
        signs(theirs)


def test_a_key_of_another_kind_in_the_place_of_ours_is_no_refusal(
    tpm: SoftwareTpm, device: Device
) -> None:
    key = tpm_key.make(device)
    signs(key)
    with closing(Device(tpm.settings)) as others:
        theirs = others.ask(lambda each: create_attestation_key(each, AttestationKind.ECC))
        tpm.restart()
        others.ask(lambda each: each.key(theirs))
        signs(key)


def test_a_connection_that_was_lost_leaves_room_for_other_keys(
    tpm: SoftwareTpm, device: Device
) -> None:
    keys = [tpm_key.make(device) for _ in range(3)]
    for key in keys[:2]:
        signs(key)

    def is_lost(_: Connection) -> None:
        raise LostError

    with pytest.raises(TpmUnavailableError):
        device.ask(is_lost)
    signs(keys[2])
    assert tpm.loaded() == 1


def test_nothing_is_left_in_the_tpm(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as device:
        for key in [tpm_key.make(device) for _ in range(3)]:
            signs(key)
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
            signs(tpm_key.from_pem(device, pem))
        signs(tpm_key.make(device))
    assert tpm.loaded() == 0


def test_keys_of_others_stay_where_they_are(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as others:
        theirs = tpm_key.make(others)
        signs(theirs)
        with closing(Device(tpm.settings)) as device:
            signs(tpm_key.make(device))
        assert tpm.loaded() == 1
        signs(theirs)


def test_after_a_reset_our_places_are_others_and_closing_frees_nothing(tpm: SoftwareTpm) -> None:
    with closing(Device(tpm.settings)) as others:
        with closing(Device(tpm.settings)) as device:
            signs(tpm_key.make(device))
            tpm.restart()
            theirs = tpm_key.make(others)
            signs(theirs)
        assert tpm.loaded() == 1


def test_a_tpm_full_of_others_keys_says_what_helps(tpm: SoftwareTpm, device: Device) -> None:
    with closing(Device(tpm.settings)) as others:
        for key in [tpm_key.make(others) for _ in range(2)]:
            signs(key)
        with pytest.raises(TpmUnavailableError, match=r"use its resource manager, /dev/tpmrm0"):
            tpm_key.make(device)
