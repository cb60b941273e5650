"""How often the kubelet is asked, and who hears what, on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from support.clock import FakeClock
from support.pods import ID_A, ID_B, UID_A, UID_B, pod
from support.running import quiet, running

from accredit.attestation.kubernetes.pod_list import Place, PodList
from accredit.attestation.kubernetes.pods import Pods
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.errors import AttestationError, UnavailableError

_A, _B = Place(ID_A, UID_A), Place(ID_B, UID_B)
_HALF = timedelta(seconds=0.5)


@dataclass
class Node:
    """Lists the pods it has, or fails; counts how often it is asked, and when."""

    clock: FakeClock
    pods: list[Any] = field(default_factory=list)
    failure: str = ""
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hold.set()

    async def fetch(self) -> PodList:
        self.asked.append(self.clock.monotonic())
        await self.hold.wait()
        if self.failure:
            raise UnavailableError(self.failure)
        return PodList(self.pods)


@pytest.fixture
def node() -> Node:
    return Node(FakeClock(), [pod(UID_A, ID_A)])


@asynccontextmanager
async def _asking(node: Node, **changes: Any) -> AsyncIterator[Pods]:
    pods = Pods(node.fetch, KubernetesSettings(**changes), node.clock)
    async with running(pods):
        yield pods


async def _name(pods: Pods, place: Place) -> str:
    return (await pods.find(place)).pod.name


async def test_nobody_is_asked_before_there_is_a_caller(node: Node) -> None:
    async with _asking(node):
        await quiet()
        node.clock.advance(timedelta(hours=1))
        await quiet()
    assert node.asked == []


async def test_a_hundred_callers_cost_one_request(node: Node) -> None:
    node.hold.clear()
    async with _asking(node) as pods, asyncio.TaskGroup() as callers:
        found = [callers.create_task(_name(pods, _A)) for _ in range(100)]
        await quiet()
        node.hold.set()
    assert {each.result() for each in found} == {"pod-a"}
    assert len(node.asked) == 1


async def test_a_list_that_is_young_answers_without_a_request(node: Node) -> None:
    async with _asking(node) as pods:
        await pods.find(_A)
        node.clock.advance(timedelta(seconds=5))
        await pods.find(_A)
        assert len(node.asked) == 1
        node.clock.advance(timedelta(seconds=0.1))
        await pods.find(_A)
        assert len(node.asked) == 2


async def test_who_is_not_in_a_young_list_has_it_asked_for_again(node: Node) -> None:
    async with _asking(node) as pods:
        await pods.find(_A)
        node.pods.append(pod(UID_B, ID_B))
        node.clock.advance(_HALF)
        assert await _name(pods, _B) == "pod-b"
    assert len(node.asked) == 2


async def test_requests_begin_half_a_second_apart_however_many_are_missing(node: Node) -> None:
    async with _asking(node) as pods, asyncio.TaskGroup() as callers:
        found = [callers.create_task(_name(pods, _B)) for _ in range(100)]
        await node.clock.settle()
        assert len(node.asked) == 1
        node.clock.advance(_HALF)
        await node.clock.settle()
        assert len(node.asked) == 2
        node.pods.append(pod(UID_B, ID_B))
        node.clock.advance(_HALF)
    assert {each.result() for each in found} == {"pod-b"}
    assert [each - node.asked[0] for each in node.asked] == [0, 0.5, 1.0]


async def test_a_clock_that_was_set_makes_nobody_ask_sooner(node: Node) -> None:
    async with _asking(node) as pods, asyncio.TaskGroup() as callers:
        callers.create_task(_name(pods, _B))
        await node.clock.settle()
        node.clock.jump(timedelta(days=1))
        await node.clock.settle()
        assert len(node.asked) == 1
        node.pods.append(pod(UID_B, ID_B))
        node.clock.advance(_HALF)


async def test_who_does_not_show_in_good_time_may_come_again(node: Node) -> None:
    async with _asking(node, patience=timedelta(seconds=1)) as pods:
        async with asyncio.TaskGroup() as callers:
            caller = callers.create_task(_reason(pods, _B))
            for _ in range(2):
                await node.clock.settle()
                node.clock.advance(_HALF)
        assert caller.result() == "the kubelet does not list the caller's container yet"
        assert len(node.asked) == 3
        node.pods.append(pod(UID_B, ID_B))
        node.clock.advance(_HALF)
        assert await _name(pods, _B) == "pod-b"


async def test_even_without_patience_a_miss_has_the_list_asked_for_again(node: Node) -> None:
    async with _asking(node, patience=timedelta(0)) as pods:
        await pods.find(_A)
        node.pods.append(pod(UID_B, ID_B))
        node.clock.advance(_HALF)
        assert await _name(pods, _B) == "pod-b"


async def _reason(pods: Pods, place: Place) -> str:
    with pytest.raises(UnavailableError) as caught:
        await pods.find(place)
    return str(caught.value)


async def test_a_pod_that_cannot_be_read_may_be_why(node: Node) -> None:
    node.pods.append({"metadata": {"name": "odd"}})
    async with _asking(node, patience=timedelta(0)) as pods:
        with pytest.raises(UnavailableError, match=r"yet; 1 pods cannot be read \(metadata.uid is"):
            await pods.find(_B)


async def test_a_failure_is_everybodys_and_is_not_tried_again_at_once(node: Node) -> None:
    node.failure = "the kubelet is down"
    async with _asking(node) as pods:
        for _ in range(100):
            with pytest.raises(UnavailableError, match="the kubelet is down"):
                await pods.find(_A)
        assert len(node.asked) == 1
        node.failure = ""
        node.clock.advance(_HALF)
        await pods.find(_A)
    assert len(node.asked) == 2


async def test_a_kubelet_that_stays_down_is_asked_less_and_less_up_to_eight_seconds(
    node: Node,
) -> None:
    node.failure = "down"
    async with _asking(node) as pods:
        for _ in range(1000):
            with pytest.raises(UnavailableError):
                await pods.find(_A)
            node.clock.advance(timedelta(seconds=0.1))
    waits = [round(b - a, 1) for a, b in zip(node.asked, node.asked[1:], strict=False)]
    assert waits[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


async def test_after_a_failure_no_older_list_answers(node: Node) -> None:
    async with _asking(node) as pods:
        await pods.find(_A)
        node.failure = "down"
        node.clock.advance(timedelta(seconds=1))
        with pytest.raises(UnavailableError):
            await pods.find(_B)
        with pytest.raises(UnavailableError, match="down"):
            await pods.find(_A)


async def test_a_caller_that_goes_takes_no_answer_from_the_others(node: Node) -> None:
    node.hold.clear()
    async with _asking(node) as pods, asyncio.TaskGroup() as callers:
        first = callers.create_task(_name(pods, _A))
        second = callers.create_task(_name(pods, _A))
        await quiet()
        first.cancel()
        await quiet()
        node.hold.set()
        assert await second == "pod-a"
    assert len(node.asked) == 1


async def test_an_answer_that_comes_too_late_for_its_caller_is_there_for_the_next(
    node: Node,
) -> None:
    node.hold.clear()
    async with _asking(node) as pods:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pods.find(_A)
        node.hold.set()
        await quiet()
        await pods.find(_A)
    assert len(node.asked) == 1


async def test_what_can_never_come_is_refused_without_waiting(node: Node) -> None:
    async with _asking(node) as pods:
        with pytest.raises(AttestationError, match="names another pod"):
            await pods.find(Place(ID_A, UID_B))
    assert len(node.asked) == 1


async def test_without_selectors_of_containers_the_pod_alone_is_enough(node: Node) -> None:
    place = Place(ID_B, UID_A)
    async with _asking(node, container_selectors=False) as pods:
        found = await pods.find(place)
        assert (found.pod.uid, found.container) == (UID_A, None)


async def test_a_place_without_a_pods_uid_needs_its_container(node: Node) -> None:
    async with _asking(node, container_selectors=False, patience=timedelta(0)) as pods:
        with pytest.raises(UnavailableError, match="does not list"):
            await pods.find(Place(ID_B, None))
