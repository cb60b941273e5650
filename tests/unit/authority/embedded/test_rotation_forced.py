"""A rotation that somebody asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from support.clock import DAY, EPOCH, MINUTE, FakeClock
from support.signer_life import living

from accredit.authority.embedded.schedule import Action
from accredit.authority.embedded.state import Kind, Phase


async def test_a_forced_rotation_replaces_both_keys_and_asks_for_everything_anew(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        answer = await life.authority.rotate()
        assert answer.started
        assert [(step.action, step.kind, step.at) for step in answer.next_steps] == [
            (Action.ACTIVATE, Kind.X509, EPOCH + 15 * MINUTE),
            (Action.ACTIVATE, Kind.JWT, EPOCH + 15 * MINUTE),
        ]
        assert life.authority.signer_generation == 0
        await life.until(EPOCH + 14 * MINUTE)
        await life.sign()
        await life.until(EPOCH + 15 * MINUTE)
        assert life.phases() == life.phases(Kind.JWT) == [Phase.OLD, Phase.ACTIVE]
        assert life.authority.signer_generation == 1


async def test_a_second_rotation_while_one_is_under_way_begins_nothing(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        first = await life.authority.rotate()
        await life.until(EPOCH + MINUTE)
        second = await life.authority.rotate()
        assert not second.started
        assert second.reason == "a rotation is under way"
        assert second.next_steps == first.next_steps
        assert len(life.bundle.x509_authorities) == 2


async def test_two_rotations_asked_for_at_once_are_one(tmp_path: Path, clock: FakeClock) -> None:
    async with living(tmp_path, clock) as life:
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(life.authority.rotate()) for _ in range(5)]
        assert sorted(answer.result().started for answer in answers) == [False] * 4 + [True]
        assert len(life.bundle.x509_authorities) == 2


async def test_roots_never_pile_up(tmp_path: Path, clock: FakeClock) -> None:
    async with living(tmp_path, clock) as life:
        reasons = set()
        for step in range(1, 40):
            await life.sign()
            reasons.add((await life.authority.rotate()).reason)
            assert len(life.bundle.x509_authorities) <= 3
            await life.until(EPOCH + step * 5 * MINUTE)
        assert "3 x509 signers are published already; one must retire first" in reasons
        await life.until(EPOCH + DAY)
        assert (await life.authority.rotate()).started


async def test_a_root_that_was_prepared_in_time_is_used_by_a_forced_rotation(
    tmp_path: Path, clock: FakeClock
) -> None:
    async with living(tmp_path, clock) as life:
        await life.until(EPOCH + 16 * DAY)
        await life.sign()
        published = life.bundle.x509_authorities
        await life.authority.rotate()
        await life.settle()
        assert life.bundle.x509_authorities == published
        assert life.phases() == [Phase.OLD, Phase.ACTIVE]
        assert life.authority.signer_generation == 1
