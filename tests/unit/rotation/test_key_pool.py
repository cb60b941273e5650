from __future__ import annotations

import asyncio

import pytest
from support.running import running

from accredit.identity.keys import KeyType, key_id
from accredit.rotation.key_pool import KeyPool


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.RSA_2048])
async def test_no_key_is_handed_out_twice(kind: KeyType) -> None:
    pool = KeyPool(kind, spare=2)
    async with running(pool):
        taken = [key_id((await pool.take()).public_key()) for _ in range(5)]
    assert len(set(taken)) == 5


async def test_rsa_keys_are_made_ahead_and_again_when_they_were_taken() -> None:
    pool = KeyPool(KeyType.RSA_2048, spare=2)
    async with running(pool), asyncio.timeout(30):
        for _ in range(2):
            while len(pool._spare) < 2:  # noqa: ASYNC110  a thread makes them
                await asyncio.sleep(0.01)
            spare = set(pool._spare)
            assert {await pool.take(), await pool.take()} == spare


async def test_the_event_loop_goes_round_while_an_rsa_key_is_made() -> None:
    pool = KeyPool(KeyType.RSA_2048)
    turns = 0
    async with asyncio.TaskGroup() as tasks:
        making = tasks.create_task(pool.take())
        while not making.done():
            turns += 1
            await asyncio.sleep(0)
    assert turns > 1  # made on the loop, it would be there after one


async def test_ec_keys_are_made_on_the_spot() -> None:
    taking = KeyPool(KeyType.EC_P256).take()
    with pytest.raises(StopIteration):
        taking.send(None)
