"""A caller, a bus, a systemd on it and an attestor that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.calling import Child, calling
from support.fake_systemd import FakeSystemd, on_bus
from support.message_bus import message_bus

from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.systemd.attestor import SystemdAttestor
from accredit.attestation.systemd.settings import SystemdSettings


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


@pytest.fixture
def caller(child: Child) -> KernelCaller:
    return identify(child.sock)


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Path]:
    with message_bus(tmp_path) as socket:
        yield socket


@pytest.fixture
async def systemd(bus: Path) -> AsyncIterator[FakeSystemd]:
    fake = FakeSystemd()
    async with on_bus(fake, bus):
        yield fake


@pytest.fixture
def attestor(bus: Path) -> SystemdAttestor:
    return SystemdAttestor(SystemdSettings(bus))
