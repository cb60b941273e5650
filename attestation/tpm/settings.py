"""Which TPM, and how long it may take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

from accredit.identity.errors import TpmUnavailableError

DEFAULT_DEVICE = "/dev/tpmrm0"
# cmd would run a program, and the others are for hunting bugs.
_KINDS = ("device", "swtpm", "mssim", "tabrmd")


@dataclass(frozen=True, slots=True)
class TpmSettings:
    """``device`` is a path, or a TCTI of libtss2 such as ``swtpm:path=/run/swtpm.sock``.

    Raises:
        ValueError: it is neither.
    """

    device: str = DEFAULT_DEVICE
    timeout: timedelta = timedelta(seconds=30)
    waiting: int = 256

    def __post_init__(self) -> None:
        kind, colon, rest = self.device.partition(":")
        if self.device.startswith("/"):
            return
        if not colon or kind not in _KINDS or not rest or not self.device.isprintable():
            raise ValueError(
                f"expected the path of a device, such as {DEFAULT_DEVICE}, or one of "
                + ", ".join(f"{each}:..." for each in _KINDS)
            )

    @property
    def tcti(self) -> str:
        """What libtss2 is told."""
        return f"device:{self.device}" if self.device.startswith("/") else self.device

    def check(self) -> None:
        """Look at the device first: libtss2 has one error for all that may be wrong with it.

        Raises:
            TpmUnavailableError: it is not there, or not for us.
        """
        path = self.tcti.removeprefix("device:")
        if path == self.tcti or os.access(path, os.R_OK | os.W_OK):
            return
        if not os.path.lexists(path):
            raise TpmUnavailableError(
                f"there is no TPM at {path}: enable it in the firmware, or set tpm.device"
            )
        raise TpmUnavailableError(
            f"the TPM at {path} cannot be opened by uid {os.geteuid()}: add that user to the group"
            " of the device, mostly tss"
        )
