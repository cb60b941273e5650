"""What needs no TPM; tests/integration/test_tpm_device.py has one."""

from __future__ import annotations

from contextlib import closing

import pytest
from support import threads

from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.settings import TpmSettings
from accredit.identity.errors import TpmUnavailableError


async def test_without_a_thread_it_is_away_and_once_there_is_one_it_answers() -> None:
    with closing(Device(TpmSettings(waiting=1))) as device:
        for _ in range(2):
            with threads.none_starts(), pytest.raises(TpmUnavailableError, match="no thread"):
                await device.run(lambda: 1)
        assert await device.run(lambda: 2) == 2
