from __future__ import annotations

import os
from pathlib import Path

import pytest

from accredit.attestation.tpm.settings import TpmSettings
from accredit.identity.errors import TpmUnavailableError


@pytest.mark.parametrize(
    ("device", "tcti"),
    [
        ("/dev/tpmrm0", "device:/dev/tpmrm0"),
        ("device:/dev/tpm0", "device:/dev/tpm0"),
        ("swtpm:path=/run/tpm.sock", "swtpm:path=/run/tpm.sock"),
        ("mssim:host=::1,port=2321", "mssim:host=::1,port=2321"),
        ("tabrmd:bus_type=system", "tabrmd:bus_type=system"),
    ],
)
def test_a_device_or_what_else_libtss2_can_talk_to(device: str, tcti: str) -> None:
    assert TpmSettings(device).tcti == tcti


@pytest.mark.parametrize("device", ["", "tpm0", "cmd:rm -r /", "swtpm:", "swtpm", "swtpm:a\nb"])
def test_anything_else_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match="expected the path of a device, such as /dev/tpmrm0, or"):
        TpmSettings(device)


def test_a_device_that_is_not_there_is_told_from_one_that_is_not_for_us(tmp_path: Path) -> None:
    device = tmp_path / "tpm0"
    with pytest.raises(TpmUnavailableError, match=r"there is no TPM at .*tpm0: enable it"):
        TpmSettings(str(device)).check()
    device.symlink_to("nowhere")  # access(2) fails on it for root, too
    with pytest.raises(TpmUnavailableError, match=f"cannot be opened by uid {os.geteuid()}: add"):
        TpmSettings(str(device)).check()
    device.unlink()
    device.touch()
    TpmSettings(str(device)).check()
    TpmSettings("swtpm:path=/nowhere").check()
