"""What the tests with a TPM share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from support import swtpm
from support.clock import FakeClock
from support.swtpm import SoftwareTpm

from accredit.attestation.tpm.device import Device


@pytest.fixture
def tpm() -> Iterator[SoftwareTpm]:
    with swtpm.running() as tpm:
        yield tpm


@pytest.fixture
def device(tpm: SoftwareTpm) -> Iterator[Device]:
    with closing(Device(tpm.settings)) as device:
        yield device


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
