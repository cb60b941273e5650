"""Waiting until an app listens."""

from __future__ import annotations

import asyncio
import socket

import pytest
from support.ports import free_port

from accredit.agent.demo import ready
from accredit.envoy.address import Endpoint
from accredit.identity.errors import UnavailableError


async def test_an_app_is_waited_for_until_it_listens() -> None:
    at = Endpoint("127.0.0.1", free_port())
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(ready.app(at, 60))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        with socket.create_server((at.host, at.port)):
            await waiting


async def test_an_app_that_never_listens_is_named() -> None:
    at = Endpoint("127.0.0.1", free_port())
    with pytest.raises(UnavailableError, match=f"the app at {at} was not ready within 0.2 s"):
        await ready.app(at, 0.2)
