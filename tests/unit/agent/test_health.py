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


class Work:
    """Goes well until it does not."""

    well = True


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def health(work: Work) -> Health:
    return Health(["SpiffeWorkloadAPI", "sds"], lambda: work.well)


@pytest.mark.parametrize("service", [OVERALL, "SpiffeWorkloadAPI", "sds"])
async def test_a_check_answers_for_this_moment(health: Health, work: Work, service: str) -> None:
    assert await _check(health, service) == UP
    work.well = False
    assert await _check(health, service) == DOWN


async def test_a_service_that_is_not_there_is_not_found(health: Health) -> None:
    with pytest.raises(NotFoundError, match="there is no service 'other' here"):
        await _check(health, "other")


async def test_a_watcher_hears_of_changes_and_of_nothing_else(health: Health, work: Work) -> None:
    async with aclosing(cast("Any", health.watch(_request("sds"), NOBODY))) as answers:
        assert _status(await anext(answers)) == UP
        health.look_again()
        work.well = False
        health.look_again()
        assert _status(await anext(answers)) == DOWN
        work.well = True
        health.look_again()
        assert _status(await anext(answers)) == UP


async def test_a_watcher_of_a_service_that_is_not_there_is_told_so(health: Health) -> None:
    async with aclosing(cast("Any", health.watch(_request("other"), NOBODY))) as answers:
        assert _status(await anext(answers)) == UNKNOWN
