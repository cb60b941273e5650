from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.clock import EPOCH, FakeClock
from support.eventually import eventually
from support.file_sets import marked
from support.running import running
from support.way import ScriptedWay

from accredit.file_output.deploy.deployer import Deployer
from accredit.file_output.deploy.disk import Disk
from accredit.file_output.deploy.machine import Step
from accredit.file_output.fileset import FileSet
from accredit.file_output.ledger import Line, State
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.store import Store
from accredit.identity.errors import UnavailableError

HOUR = timedelta(hours=1)


def lasting(version: str, lifetime: timedelta = 2 * HOUR) -> FileSet:
    return replace(marked(version), serial=version, not_after=EPOCH + lifetime)


class Desk:
    """A deployer on a real folder, with programs that obey a test."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder, self.clock = folder, clock
        self.validate, self.reload, self.verify = ScriptedWay(), ScriptedWay(), ScriptedWay()
        specs = (FileSpec(Kind.JWKS, "tls.crt"),)
        recipe = Recipe(specs, self.validate, self.reload, self.verify)
        self.line = Line("web")
        self.store = Store(folder, clock)
        self.deployer = Deployer(recipe, Disk(self.store, folder, specs), clock, self.line)

    async def run(self) -> None:
        with self.store:
            await self.deployer.run()

    def on_disk(self) -> str:
        return (self.folder / "tls.crt").read_text().split()[0]

    async def until(self, state: State, version: str = "") -> None:
        await eventually(
            lambda: (
                self.line.state is state
                and version in {"", self.line.version}
                and self.line.step.rests
            )
        )

    async def deploy(self, version: str, lifetime: timedelta = 2 * HOUR) -> None:
        self.deployer.offer(lasting(version, lifetime))
        await self.until(State.SERVED, version)

    async def retry(self) -> None:
        """Let the back-off pass."""
        assert self.line.next_try is not None
        await self.clock.settle()
        self.clock.advance(self.line.next_try - self.clock.now())


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    made = Desk(folder / "files", FakeClock())
    async with running(made):
        yield made


async def test_a_set_goes_all_the_way_and_the_program_is_told_once_of_each(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
        await at.deploy("2")
        at.deployer.offer(lasting("2"))
        await at.deploy("3")
    for way in (at.validate, at.reload, at.verify):
        assert way.versions == ["1", "2", "3"]
    assert at.on_disk() == "3"
    assert at.line.deployments == 3


async def test_what_is_out_of_descriptors_is_tried_again_and_ends_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.reload.error = UnavailableError("cannot look at caller 7: too many open files")
        at.deployer.offer(lasting("1"))
        await at.until(State.FAILING)
        assert at.line.last_error == "cannot look at caller 7: too many open files"
        at.reload.error = ""
        await at.retry()
        await at.until(State.SERVED, "1")


async def test_a_set_that_is_not_valid_to_the_program_is_taken_back_untold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
        at.validate.error = "unknown directive"
        at.deployer.offer(lasting("2"))
        await at.until(State.FAILING)
        assert (at.on_disk(), at.reload.versions) == ("1", ["1"])
        assert (at.line.last_error, at.line.last_error_step) == ("unknown directive", "validate")
        assert at.line.rolled_back
        at.validate.error = ""
        await at.retry()
        await at.until(State.SERVED, "2")
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.__dict__["output"] == "web"
    assert record.__dict__["reason"] == "unknown directive"


async def test_a_program_that_does_not_serve_it_is_given_the_old_set_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
        at.verify.error = "serves another"
        at.deployer.offer(lasting("2"))
        await at.until(State.FAILING)
        assert (at.on_disk(), at.reload.versions) == ("1", ["1", "2", "1"])
        assert at.verify.versions == ["1", "2", "1"]
        assert not at.line.confirmed


async def test_tries_come_further_and_further_apart_and_all_are_counted(tmp_path: Path) -> None:
    waits = []
    async with desk(tmp_path) as at:
        await at.deploy("1", timedelta(days=10))
        at.reload.error = "no"
        at.deployer.offer(lasting("2", timedelta(days=10)))
        for attempt in range(1, 6):
            await eventually(
                lambda attempt=attempt: (  # type: ignore[misc]
                    at.line.attempts == attempt and at.line.step is Step.WAIT
                )
            )
            assert at.line.next_try is not None
            waits.append((at.line.next_try - at.clock.now()).total_seconds())
            await at.retry()
    assert waits == sorted(waits)
    assert 0.9 <= waits[0] <= 1.1
    assert 14 <= waits[4] <= 18


async def test_the_newest_set_is_next_and_those_between_are_never_seen(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.reload.open.clear()
        at.deployer.offer(lasting("1"))
        await eventually(lambda: bool(at.reload.told))
        for version in "234":
            at.deployer.offer(lasting(version))
        at.reload.open.set()
        await at.until(State.SERVED, "4")
    assert at.reload.versions == ["1", "4"]


async def test_a_newer_set_does_not_wait_for_the_back_off(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
        at.validate.error = "no"
        at.deployer.offer(lasting("2"))
        await at.until(State.FAILING)
        at.validate.error = ""
        await at.deploy("3")
    assert at.reload.versions == ["1", "3"]


async def test_an_old_set_that_has_expired_is_not_put_back_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1", HOUR)
        await at.clock.settle()
        at.clock.advance(HOUR)
        await eventually(lambda: at.line.expired)
        at.validate.error = "no"
        at.deployer.offer(lasting("2"))
        await at.until(State.FAILING)
        assert (at.on_disk(), at.line.rolled_back) == ("2", False)
        assert at.line.describe()["expired"] is True
        at.validate.error = ""
        await at.retry()
        await at.until(State.SERVED, "2")
        assert not at.line.expired
    expiries = [each for each in caplog.records if "has expired" in each.message]
    assert len(expiries) == 1


async def test_files_that_expire_before_the_program_ever_took_them_are_reported_too(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as at:
        at.reload.error = "not running"
        at.deployer.offer(lasting("1", HOUR))
        await at.until(State.FAILING)
        while not at.line.expired:
            await at.clock.settle()
            at.clock.advance(timedelta(minutes=10))
            await eventually(lambda: at.line.expired or at.line.step is Step.WAIT)


async def test_after_a_restart_there_is_a_way_back_to_what_was_there(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
    async with desk(tmp_path) as at:
        at.validate.error = "no"
        at.deployer.offer(lasting("2"))
        await at.until(State.FAILING)
        assert (at.on_disk(), at.line.rolled_back) == ("1", True)


async def test_after_a_restart_the_same_set_is_told_again_since_nobody_knows(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
    async with desk(tmp_path) as at:
        await at.deploy("1")
        assert at.reload.versions == ["1"]


async def test_a_way_learns_what_the_program_had_read_before_if_that_is_sure(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as at:
        await at.deploy("1")
        await at.deploy("2")
        at.reload.error = "no"
        at.deployer.offer(lasting("3"))
        await at.until(State.FAILING)
    before = [None if told.before is None else told.before.version for told in at.reload.told]
    assert before == [None, "1", "2", None]


async def test_a_machine_out_of_descriptors_is_a_reason_to_try_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.validate.error = OSError(24, "Too many open files")
        at.deployer.offer(lasting("1"))
        await at.until(State.FAILING)
        assert at.line.last_error == "too many open files"
        at.validate.error = ""
        await at.retry()
        await at.until(State.SERVED)


async def test_drift_is_put_right_and_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        at.reload.error = "no"
        at.deployer.offer(lasting("1"))
        await at.until(State.FAILING)
        (at.folder / "tls.key").chmod(0o644)
        at.reload.error = ""
        await at.retry()
        await at.until(State.SERVED)
    assert any("tls.key" in words for words in at.line.drift)
    assert (at.folder / "tls.key").stat().st_mode & 0o777 == 0o600
