"""What is revoked, and the lists that say so, by a clock that stands."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from support.ca import TestCa
from support.clock import EPOCH, FakeClock
from support.remote_key import KeyElsewhere

from accredit.authority.revocation.crls import CrlPolicy, Root, Trusted
from accredit.authority.revocation.record import Issued
from accredit.authority.revocation.revocations import Revocations
from accredit.identity.errors import NotFoundError, StoreError, TpmUnavailableError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.x509_issue import build_root

T = TypeVar("T")

DAY, HOUR, MINUTE, SECOND = (
    timedelta(**{each: 1}) for each in ("days", "hours", "minutes", "seconds")
)
OLD, NEW = TestCa("prod.example"), TestCa("prod.example")
POLICY = CrlPolicy(longest=DAY, skew=MINUTE)
TWO = Trusted((Root("old", OLD.root, OLD.key), Root("new", NEW.root, NEW.key)), POLICY)
KEYLESS = Trusted((Root("old", OLD.root, None), *TWO.roots[1:]), POLICY)


def issued(
    serial: int, entry_id: str = "a", *, issuer: str = "old", ttl: timedelta = HOUR
) -> Issued:
    return Issued(serial, issuer, entry_id, f"spiffe://prod.example/{entry_id}", EPOCH + ttl)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@contextmanager
def opened(
    folder: Path, clock: FakeClock, trusted: Trusted = TWO, *, always: bool = False
) -> Iterator[Revocations]:
    found = Revocations.open(folder / "revocation.db", clock, trusted, always=always)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def revocations(tmp_path: Path, clock: FakeClock) -> Iterator[Revocations]:
    with opened(tmp_path, clock) as found:
        yield found


@asynccontextmanager
async def running(revocations: Revocations) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(revocations.run())
        for _ in range(5):
            await asyncio.sleep(0)
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
    for _ in range(5):
        await asyncio.sleep(0)


def test_while_nothing_is_revoked_there_are_no_lists(revocations: Revocations) -> None:
    assert revocations.crls == ()
    assert revocations.problem == ""


def test_unless_somebody_always_wants_them(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path, clock, always=True) as revocations:
        assert serials(revocations) == [set(), set()]


def test_once_one_svid_is_revoked_every_root_has_a_list(revocations: Revocations) -> None:
    told: list[list[set[int]]] = []
    revocations.changed = lambda: told.append(serials(revocations))
    assert revocations.revoke(issued(7)) == (issued(7),)
    assert told == [[{7}, set()]]
    assert revocations.serials == {7}
    for crl, ca in zip(lists(revocations), (OLD, NEW), strict=True):
        assert crl.is_signature_valid(ca.root.public_key())  # type: ignore[arg-type]


def test_what_is_revoked_already_or_has_ended_or_was_signed_by_nobody_changes_nothing(
    revocations: Revocations,
) -> None:
    revocations.revoke(issued(7))
    before = revocations.crls
    assert revocations.revoke(issued(7)) == ()
    assert revocations.revoke(issued(8, ttl=-SECOND)) == ()
    assert revocations.revoke(issued(9, issuer="retired")) == ()
    assert revocations.crls is not before
    assert revocations.crls == before


async def test_an_entry_is_revoked_with_every_svid_of_it_that_has_not_ended(
    revocations: Revocations,
) -> None:
    for each in (issued(1), issued(2, issuer="new"), issued(3, "b"), issued(4, ttl=-SECOND)):
        revocations.note(each)
    found = revocations.revoke_entry("a", "spiffe://prod.example/a")
    assert {each.serial for each in found} == {1, 2}
    assert serials(revocations) == [{1}, {2}]
    assert list(revocations.entries) == ["a"]
    revocations.note(issued(5))
    assert {each.serial for each in revocations.revoke_entry("a", "spiffe://prod.example/a")} == {5}
    assert list(revocations.entries) == ["a"]


async def test_an_entry_may_come_back_but_its_svids_do_not(revocations: Revocations) -> None:
    revocations.note(issued(1))
    revocations.revoke_entry("a", "spiffe://prod.example/a")
    told: list[bool] = []
    revocations.changed = lambda: told.append("a" in revocations.entries)
    revocations.lift("a")
    assert told == [False]
    assert revocations.serials == {1}
    with pytest.raises(NotFoundError, match="entry 'a' is not revoked"):
        revocations.lift("a")


async def test_lists_are_signed_anew_at_half_of_their_time_so_that_none_ever_ends(
    revocations: Revocations, clock: FakeClock
) -> None:
    revocations.revoke(issued(7, ttl=30 * DAY))
    told: list[datetime] = []
    revocations.changed = lambda: told.append(clock.now())
    async with running(revocations):
        for _ in range(20):
            await let_pass(clock, DAY / 2)
            for crl in lists(revocations):
                assert crl.next_update_utc is not None
                # Whatever was signed by now ends before the list would.
                assert crl.next_update_utc >= clock.now() + POLICY.longest + POLICY.skew
                assert crl.last_update_utc <= clock.now() - POLICY.skew
    assert len(told) == 6, told
    assert serials(revocations) == [{7}, set()]


async def test_numbers_only_grow(tmp_path: Path, clock: FakeClock) -> None:
    seen: list[int] = []
    with opened(tmp_path, clock) as revocations:
        for serial in range(3):
            revocations.revoke(issued(serial))
            seen.append(numbers(revocations)[0])
    clock.jump(-DAY)
    with opened(tmp_path, clock) as revocations:
        seen.append(numbers(revocations)[0])
        revocations.revoke(issued(9))
        seen.append(numbers(revocations)[0])
    assert seen == sorted(set(seen))
    assert seen[0] >= EPOCH.timestamp()


def test_a_list_that_says_the_same_is_not_signed_again(revocations: Revocations) -> None:
    revocations.revoke(issued(1))
    _, new = revocations.crls
    revocations.revoke(issued(2))
    assert revocations.crls[1] == new
    revocations.trust(TWO)
    assert revocations.crls[1] == new


async def test_what_has_ended_leaves_the_lists_when_they_are_signed_anew(
    revocations: Revocations, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    revocations.revoke(issued(1))
    revocations.revoke(issued(2, ttl=3 * DAY))
    async with running(revocations):
        await let_pass(clock, 2 * HOUR)
        assert serials(revocations) == [{1, 2}, set()]
        await let_pass(clock, DAY)
        assert serials(revocations) == [{2}, set()]
        await let_pass(clock, 3 * DAY)
        assert revocations.crls == ()
        assert not revocations.revoked
    first, last = (record.getMessage() for record in caplog.records)
    assert first == "revocation lists signed anew"
    assert last == "nothing is revoked any more: there are no revocation lists"


async def test_a_clock_that_is_set_back_brings_lists_that_have_begun(
    revocations: Revocations, clock: FakeClock
) -> None:
    revocations.revoke(issued(1))
    async with running(revocations):
        clock.jump(-DAY)
        await let_pass(clock, timedelta())
        for crl in lists(revocations):
            assert crl.last_update_utc < clock.now()


@pytest.mark.parametrize("away", [2 * DAY, 3650 * DAY])
async def test_a_clock_that_was_wrong_for_a_while_gives_nobody_back_what_was_revoked(
    tmp_path: Path, clock: FakeClock, away: timedelta
) -> None:
    with opened(tmp_path, clock) as revocations:
        revocations.note(issued(2, "b", ttl=10 * HOUR))
        revocations.revoke(issued(1, ttl=10 * HOUR))
        async with running(revocations):
            clock.jump(away)
            await let_pass(clock, MINUTE)
            for serial in range(100, 100 + 1024):
                revocations.note(issued(serial, ttl=away + HOUR))
            revocations.revoke(issued(3, ttl=away + HOUR))
            await let_pass(clock, MINUTE)
            clock.jump(-away)
            await let_pass(clock, MINUTE)
            assert 1 in serials(revocations)[0]
            assert revocations.find(2) is not None
    with opened(tmp_path, clock) as revocations:
        assert 1 in serials(revocations)[0]


async def test_a_clock_that_was_set_right_lets_what_has_ended_go_in_the_end(
    revocations: Revocations, clock: FakeClock
) -> None:
    clock.jump(-3650 * DAY)
    revocations.revoke(issued(1))
    clock.jump(3650 * DAY + 2 * HOUR)
    async with running(revocations):
        for _ in range(5):
            await let_pass(clock, DAY)
        assert not revocations.revoked


def test_a_new_root_has_its_list_at_once(revocations: Revocations) -> None:
    revocations.revoke(issued(1))
    third = TestCa("prod.example")
    revocations.trust(Trusted((*TWO.roots, Root("third", third.root, third.key)), POLICY))
    assert serials(revocations) == [{1}, set(), set()]
    revocations.trust(Trusted(TWO.roots[1:], POLICY))
    assert serials(revocations) == [set()]


async def test_lists_too_large_for_clients_are_served_and_that_is_said(
    revocations: Revocations,
) -> None:
    for serial in range(90_000):
        revocations.note(issued((1 << 158) + serial))
    revocations.revoke_entry("a", "spiffe://prod.example/a")
    size = sum(map(len, revocations.crls))
    assert size > 3 << 20
    assert f"revocation lists of {size} bytes" in revocations.problem
    assert "4 MiB" in revocations.problem


def test_no_list_at_all_is_served_while_one_root_cannot_have_one(
    tmp_path: Path, clock: FakeClock
) -> None:
    with opened(tmp_path, clock, KEYLESS) as revocations:
        assert revocations.problem == ""
        revocations.revoke(issued(1, issuer="new"))
        assert revocations.crls == ()
        assert "nobody has the key of root old" in revocations.problem
        revocations.trust(Trusted(KEYLESS.roots[1:], POLICY))
        assert serials(revocations) == [{1}]
        assert revocations.problem == ""


async def test_everything_is_there_again_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path, clock) as revocations:
        revocations.note(issued(1))
        revocations.note(issued(2, "b"))
        revocations.revoke_entry("a", "spiffe://prod.example/a")
        before = revocations.revoked
    with opened(tmp_path, clock) as revocations:
        assert revocations.revoked == before
        assert serials(revocations) == [{1}, set()]
        assert revocations.find(2) == issued(2, "b")


def test_on_a_full_disk_nothing_is_revoked_and_that_is_said(
    revocations: Revocations,
) -> None:
    told: list[None] = []
    revocations.changed = lambda: told.append(None)
    database: sqlite3.Connection = revocations._store._database
    database.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match=r"revocation\.db: cannot be written"):
        revocations.revoke(issued(1))
    assert (revocations.crls, revocations.serials, told) == ((), frozenset(), [])
    database.execute("PRAGMA query_only = 0")
    assert revocations.revoke(issued(1)) == (issued(1),)


async def test_lists_are_signed_anew_even_on_a_full_disk(
    revocations: Revocations, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    revocations.revoke(issued(1, ttl=30 * DAY))
    before = numbers(revocations)
    async with running(revocations):
        revocations._store._database.execute("PRAGMA query_only = 1")
        await let_pass(clock, 2 * DAY)
        revocations._store._database.execute("PRAGMA query_only = 0")
    assert all(new > old for new, old in zip(numbers(revocations), before, strict=True))
    assert "number of the revocation lists not saved" in caplog.text


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
