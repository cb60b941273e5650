"""Lists that keys elsewhere sign, in a TPM that may be away or hang."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from support.clock import DAY, EPOCH, HOUR, MINUTE, SECOND, FakeClock
from support.remote_key import KeyElsewhere
from support.revoking import POLICY, issued, let_pass, numbers, opened, running, serials

from accredit.authority.revocation.crls import Root, Trusted
from accredit.identity.errors import TpmUnavailableError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_issue import build_root

T = TypeVar("T")


class Flaky(KeyElsewhere):
    """In a TPM that may be away, or hang; nobody may wait for it on the event loop."""

    away, starting, _inside = False, True, False

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def run(self, work: Callable[[], T]) -> T:
        await self.answers.wait()
        self._inside = True
        try:
            return await super().run(work)
        finally:
            self._inside = False

    def sign(
        self,
        data: bytes | bytearray | memoryview,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        assert self._inside or self.starting, "the event loop waits for the TPM"
        if self.away:
            raise TpmUnavailableError("/dev/tpmrm0 is away")
        return super().sign(data, signature_algorithm)


def in_tpm(kid: str, key: Flaky) -> Root:
    begin, end = EPOCH - HOUR, EPOCH + 30 * DAY
    root = build_root(TrustDomain("prod.example"), key, not_before=begin, not_after=end)
    key.starting = False
    return Root(kid, root, key)


async def test_a_key_that_is_away_delays_its_list_and_that_is_said(
    tmp_path: Path, clock: FakeClock
) -> None:
    key = Flaky()
    with opened(tmp_path, clock, Trusted((in_tpm("old", key),), POLICY)) as revocations:
        async with running(revocations):
            revocations.revoke(issued(1))
            assert revocations.problem == "the revocation list of root old is being signed"
            await revocations.settled(MINUTE)
            assert serials(revocations) == [{1}]
            assert revocations.problem == ""
            key.away = True
            revocations.revoke(issued(2))
            await revocations.settled(MINUTE)
            assert serials(revocations) == [{1}]
            assert "of root old is not signed, and tried again" in revocations.problem
            for _ in range(3):
                await let_pass(clock, MINUTE)
            assert len(clock.waits) < 12
            key.away = False
            await let_pass(clock, MINUTE)
            assert serials(revocations) == [{1, 2}]
            assert revocations.problem == ""


async def test_while_a_tpm_hangs_the_event_loop_goes_on_with_the_lists_of_before(
    tmp_path: Path, clock: FakeClock
) -> None:
    key = Flaky()
    trusted = Trusted((in_tpm("old", key),), POLICY)
    with opened(tmp_path, clock, trusted) as revocations:
        revocations.revoke(issued(1))
        async with running(revocations):
            await revocations.settled(timedelta())
            assert serials(revocations) == [{1}]
            told: list[list[set[int]]] = []
            revocations.changed = lambda: told.append(serials(revocations))
            key.answers.clear()
            for serial in (2, 3):
                revocations.revoke(issued(serial))
                await let_pass(clock, SECOND)
            await revocations.settled(timedelta())
            assert serials(revocations) == [{1}]
            assert set(revocations.serials) == {1, 2, 3}
            assert "is being signed" in revocations.problem
            key.answers.set()
            await revocations.settled(MINUTE)
            assert serials(revocations) == told[-1] == [{1, 2, 3}]
    key.starting = True
    with opened(tmp_path, clock, trusted) as revocations:
        assert serials(revocations) == [{1, 2, 3}]


async def test_numbers_of_lists_that_a_tpm_signs_only_grow(
    tmp_path: Path, clock: FakeClock
) -> None:
    key, seen = Flaky(), list[int]()
    root = in_tpm("old", key)
    for _ in range(2):
        key.starting = True
        with opened(tmp_path, clock, Trusted((root,), POLICY), always=True) as revocations:
            key.starting = False
            seen += numbers(revocations)
            async with running(revocations):
                revocations.revoke(issued(len(seen)))
                await revocations.settled(MINUTE)
            seen += numbers(revocations)
    assert len(seen) == 4
    assert seen == sorted(set(seen))


async def test_the_list_of_a_root_in_a_tpm_is_there_before_the_root(
    tmp_path: Path, clock: FakeClock
) -> None:
    old, new = in_tpm("old", Flaky()), in_tpm("new", Flaky())
    with opened(tmp_path, clock, Trusted((old,), POLICY)) as revocations:
        async with running(revocations):
            revocations.revoke(issued(1))
            await revocations.settled(MINUTE)
            await revocations.sign_ahead(new)
            assert serials(revocations) == [{1}]
            revocations.trust(Trusted((old, new), POLICY))
            assert serials(revocations) == [{1}, set()]
            assert revocations.problem == ""
