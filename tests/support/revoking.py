"""Revocations of a folder, and what their lists say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from accredit.authority.revocation.crls import CrlPolicy, Root, Trusted
from accredit.authority.revocation.record import Issued
from accredit.authority.revocation.revocations import Revocations
from support.ca import TestCa
from support.clock import DAY, EPOCH, HOUR, MINUTE, FakeClock
from support.running import quiet

OLD, NEW = TestCa("prod.example"), TestCa("prod.example")
POLICY = CrlPolicy(longest=DAY, skew=MINUTE)
TWO = Trusted((Root("old", OLD.root, OLD.key), Root("new", NEW.root, NEW.key)), POLICY)


def issued(
    serial: int, entry_id: str = "a", *, issuer: str = "old", ttl: timedelta = HOUR
) -> Issued:
    return Issued(serial, issuer, entry_id, f"spiffe://prod.example/{entry_id}", EPOCH + ttl)


@contextmanager
def opened(
    folder: Path, clock: FakeClock, trusted: Trusted = TWO, *, always: bool = False
) -> Iterator[Revocations]:
    found = Revocations.open(folder / "revocation.db", clock, trusted, always=always)
    try:
        yield found
    finally:
        found.close()


@asynccontextmanager
async def running(revocations: Revocations) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(revocations.run())
        await quiet(5)
        yield
        task.cancel()


def lists(revocations: Revocations) -> list[x509.CertificateRevocationList]:
    return [x509.load_der_x509_crl(each) for each in revocations.crls]


def serials(revocations: Revocations) -> list[set[int]]:
    return [{line.serial_number for line in each} for each in lists(revocations)]


def numbers(revocations: Revocations) -> list[int]:
    return [
        each.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        for each in lists(revocations)
    ]


async def let_pass(clock: FakeClock, span: timedelta) -> None:
    clock.advance(span)
    await quiet(5)
