"""When endpoints are asked, by a clock that a test moves; the answers are the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.federating import PARTNER, relationship

from accredit.authority.federation.bundles import FederatedBundles
from accredit.authority.federation.polling import BundlePolling, Fetch
from accredit.authority.federation.relationship import (
    FederationSettings,
    Profile,
    Relationship,
)
from accredit.identity.bundle import encode_bundle
from accredit.identity.errors import UnavailableError, X509SvidError
from accredit.identity.spiffe_id import TrustDomain

_CA = TestCa(PARTNER)
_ONE = relationship("https://partner.example/")
_OTHER = relationship("https://other.example/", trust_domain=TrustDomain("other.example"))
_APART = relationship("https://web.example/", Profile.WEB, trust_domain=TrustDomain("web.example"))
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Fetched:
    data: bytes
    url: object = "https://partner.example/"


class Endpoints:
    """Answers as it was told; ``asked`` is who was, ``at_once`` the most that were together."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: bytes | Exception = encode_bundle(_CA.bundle(sequence=1))
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = self.at_once = self.made = 0

    def fetcher(self, settings: FederationSettings) -> Fetch:
        del settings
        self.made += 1
        return self.fetch

    async def fetch(self, one: Relationship) -> Fetched:
        self.asked.append(str(one.trust_domain))
        self.waiting += 1
        self.at_once = max(self.at_once, self.waiting)
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return Fetched(self.answer)


@dataclass
class Bench:
    clock: FakeClock
    endpoints: Endpoints
    polling: BundlePolling

    async def pass_(self, time: timedelta) -> None:
        self.clock.advance(time)
        await self.clock.settle()


@asynccontextmanager
async def polled(
    folder: Path, *relationships: Relationship, open_: bool = True
) -> AsyncIterator[Bench]:
    clock, endpoints = FakeClock(), Endpoints()
    if not open_:
        endpoints.open.clear()
    settings = FederationSettings(relationships)
    with closing(FederatedBundles.open(folder / "f.db", relationships, clock)) as bundles:
        polling = BundlePolling(bundles, settings, endpoints.fetcher, clock, lambda: 0)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(polling.run())
            if open_ and relationships:
                await clock.settle(len(relationships))
            yield Bench(clock, endpoints, polling)
            task.cancel()


@pytest.mark.rows("FC-22", "FC-30")
@pytest.mark.parametrize("error", [UnavailableError("away"), X509SvidError("5", "another")])
async def test_once_fetched_an_endpoint_is_asked_once_each_interval_whatever_comes(
    error: Exception, tmp_path: Path
) -> None:
    async with polled(tmp_path, _ONE) as bench:
        bench.endpoints.answer = error
        for count in range(2, 5):
            await bench.pass_(4 * _MINUTE)
            assert len(bench.endpoints.asked) == count - 1
            await bench.pass_(_MINUTE)
            assert len(bench.endpoints.asked) == count
        [view] = bench.polling.describe()
        assert (view["failures"], view["error"]) == (3, str(error))


async def test_until_a_first_success_the_waits_begin_small_and_grow(tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE, open_=False) as bench:
        bench.endpoints.answer = UnavailableError("away")
        bench.endpoints.open.set()
        await bench.clock.settle()
        for _ in range(7):
            assert bench.clock.next_wake is not None
            await bench.pass_(bench.clock.next_wake - bench.clock.now())
        waits = [each.total_seconds() for each in bench.clock.waits]
        assert waits == [5, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize("hours", [-24, 24])
async def test_a_clock_that_is_set_delays_no_poll_and_makes_few(hours: int, tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE) as bench:
        bench.clock.jump(timedelta(hours=hours))
        await bench.clock.settle()
        assert len(bench.endpoints.asked) == (1 if hours < 0 else 2)
        await bench.pass_(5 * _MINUTE)
        assert len(bench.endpoints.asked) == (2 if hours < 0 else 3)


async def test_no_more_than_four_are_asked_at_once(tmp_path: Path) -> None:
    many = [
        relationship("https://h.example/", trust_domain=TrustDomain(f"d{number}.example"))
        for number in range(10)
    ]
    async with polled(tmp_path, *many, open_=False) as bench:
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(bench.endpoints.asked) == 4
        bench.endpoints.open.set()
        await bench.clock.settle(10)
        assert (len(bench.endpoints.asked), bench.endpoints.at_once) == (10, 4)


async def test_nothing_that_fetches_is_made_without_a_relationship(tmp_path: Path) -> None:
    async with polled(tmp_path) as bench:
        await asyncio.sleep(0)
        assert bench.endpoints.made == 0
        bench.polling.apply(FederationSettings((_ONE,)))
        await bench.clock.settle()
        assert bench.endpoints.made == 1


@pytest.mark.rows("FC-33")
async def test_other_settings_stop_what_ended_start_what_is_new_and_leave_the_rest(
    tmp_path: Path,
) -> None:
    async with polled(tmp_path, _ONE) as bench:
        bench.polling.apply(FederationSettings((_ONE, _OTHER)))
        await bench.clock.settle(2)
        assert bench.endpoints.asked == ["partner.example", "other.example"]
        bench.polling.apply(FederationSettings((_OTHER,)))
        await bench.pass_(6 * _MINUTE)
        assert bench.endpoints.asked == ["partner.example", "other.example", "other.example"]
        bench.polling.apply(FederationSettings((_OTHER,)))
        bench.polling.apply(FederationSettings((_OTHER,), timeout=_MINUTE))
        await bench.clock.settle()
        assert bench.endpoints.asked[3:] == ["other.example"]


async def test_an_operator_need_not_wait_for_the_next_turn(tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE, _APART) as bench:
        bench.polling.fetch_now(PARTNER)
        await bench.clock.settle(2)
        assert bench.endpoints.asked[2:] == ["partner.example"]
        bench.polling.fetch_now(TrustDomain("nobody.example"))
        await bench.pass_(4 * _MINUTE)
        assert len(bench.endpoints.asked) == 3


async def test_a_bundle_that_verifies_other_endpoints_lets_them_be_asked_too(
    tmp_path: Path,
) -> None:
    assert _OTHER.verified_by == PARTNER
    async with polled(tmp_path, _ONE, _OTHER, _APART) as bench:
        bench.polling.fetch_now(PARTNER)
        await bench.clock.settle(3)
        assert sorted(bench.endpoints.asked[3:]) == ["other.example", "partner.example"]


async def test_a_fetch_under_way_begins_anew_with_what_an_operator_brought(tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE, open_=False) as bench:
        await _until(lambda: bench.endpoints.waiting == 1)
        bench.polling.fetch_now(PARTNER)
        await _until(lambda: len(bench.endpoints.asked) == 2)
        assert bench.endpoints.waiting == 1
        bench.endpoints.open.set()
        await bench.clock.settle()


async def test_only_what_failed_is_tried_again_when_asked(tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE, _APART) as bench:
        bench.endpoints.answer = UnavailableError("away")
        bench.polling.fetch_now(PARTNER)
        await bench.clock.settle(2)
        bench.polling.retry()
        await bench.clock.settle(2)
        assert bench.endpoints.asked[2:] == ["partner.example", "partner.example"]


async def test_a_bootstrap_bundle_that_changes_begins_a_fetch(tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.json"
    one = relationship("https://partner.example/", bootstrap_bundle=path)
    async with polled(tmp_path, one, open_=False) as bench:
        bench.endpoints.answer = UnavailableError("no authority is here")
        bench.endpoints.open.set()
        await bench.clock.settle()
        bench.polling.look_again()
        assert len(bench.endpoints.asked) == 1
        path.write_bytes(encode_bundle(_CA.bundle()))
        path.chmod(0o600)
        bench.polling.look_again()
        await bench.clock.settle()
        assert len(bench.endpoints.asked) == 2


async def test_a_relationship_that_comes_back_is_asked_at_once(tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE) as bench:
        bench.polling.apply(FederationSettings())
        bench.polling.apply(FederationSettings((_ONE,)))
        await bench.clock.settle()
        assert bench.endpoints.asked == ["partner.example"] * 2


async def test_a_restart_knows_how_fetches_went_and_waits_little_all_the_same(
    tmp_path: Path,
) -> None:
    async with polled(tmp_path, _ONE, open_=False) as bench:
        bench.endpoints.answer = UnavailableError("away")
        bench.endpoints.open.set()
        await bench.clock.settle()
        for _ in range(3):
            bench.polling.retry()
            await bench.clock.settle()
    async with polled(tmp_path, _ONE, open_=False) as bench:
        [view] = bench.polling.describe()
        assert (view["failures"], view["error"]) == (4, "away")
        assert view["tried"] == view["failing_since"] == "2026-01-01T00:00:00Z"
        assert view["succeeded"] is None
        bench.endpoints.answer = UnavailableError("still away")
        bench.endpoints.open.set()
        await bench.clock.settle()
        [view] = bench.polling.describe()
        assert (view["failures"], view["error"]) == (5, "still away")
        assert bench.clock.waits == [timedelta(seconds=5)]
        bench.endpoints.answer = encode_bundle(_CA.bundle())
        bench.polling.retry()
        await bench.clock.settle()
        [view] = bench.polling.describe()
        assert (view["failures"], view["failing_since"]) == (0, None)
        assert view["succeeded"] == "2026-01-01T00:00:00Z"


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came about")


async def test_a_relationship_that_ends_while_it_is_asked_leaves_nothing(tmp_path: Path) -> None:
    async with polled(tmp_path, _ONE, open_=False) as bench:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bench.endpoints.waiting == 1
        bench.endpoints.open.set()
        bench.polling.apply(FederationSettings())
        for _ in range(10):
            await asyncio.sleep(0)
        assert bench.polling.bundles.bundles == {}
        assert bench.polling.describe() == []
