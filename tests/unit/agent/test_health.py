from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest
from grpc_health.v1 import health_pb2 as pb

from accredit.agent.health import OVERALL, Health
from accredit.identity.errors import NotFoundError
from accredit.rotation.delivery import Call

NOBODY = cast("Call", None)
UP, DOWN, UNKNOWN = (
    pb.HealthCheckResponse.SERVING,
    pb.HealthCheckResponse.NOT_SERVING,
    pb.HealthCheckResponse.SERVICE_UNKNOWN,
)


async def _request(service: str) -> AsyncIterator[pb.HealthCheckRequest]:
    yield pb.HealthCheckRequest(service=service)


def _status(answer: bytes) -> int:
    return pb.HealthCheckResponse.FromString(answer).status


async def _check(health: Health, service: str) -> int:
    (answer,) = [answer async for answer in health.check(_request(service), NOBODY)]
    return _status(answer)


@pytest.fixture
def health() -> Health:
    return Health(["SpiffeWorkloadAPI", "sds"])


@pytest.mark.parametrize("service", [OVERALL, "SpiffeWorkloadAPI", "sds"])
async def test_what_is_served_is_healthy(health: Health, service: str) -> None:
    assert await _check(health, service) == UP


async def test_one_that_is_not_makes_the_whole_unhealthy(health: Health) -> None:
    health.set_serving({"sds": False})
    assert await _check(health, "SpiffeWorkloadAPI") == UP
    assert await _check(health, "sds") == DOWN
    assert await _check(health, OVERALL) == DOWN


async def test_a_service_that_is_not_there_is_not_found(health: Health) -> None:
    with pytest.raises(NotFoundError, match="there is no service 'other' here"):
        await _check(health, "other")


async def test_a_watcher_hears_of_changes_and_of_nothing_else(health: Health) -> None:
    async with aclosing(cast("Any", health.watch(_request("sds"), NOBODY))) as answers:
        assert _status(await anext(answers)) == UP
        health.set_serving({"SpiffeWorkloadAPI": False})
        health.set_serving({"sds": False})
        assert _status(await anext(answers)) == DOWN
        health.set_serving({"sds": True})
        assert _status(await anext(answers)) == UP


async def test_a_watcher_may_wait_for_a_service_to_come(health: Health) -> None:
    async with aclosing(cast("Any", health.watch(_request("later"), NOBODY))) as answers:
        assert _status(await anext(answers)) == UNKNOWN
        health.set_serving({"later": True})
        assert _status(await anext(answers)) == UP
