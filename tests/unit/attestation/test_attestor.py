from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.calling import Child, calling

from accredit.attestation.attestor import attest
from accredit.attestation.caller import KernelCaller, identify
from accredit.attestation.evidence import Evidence
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector

SOON = timedelta(milliseconds=50)
LONG = timedelta(seconds=10)


class Says:
    """An attestor with one selector of its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def attest(self, caller: KernelCaller) -> Evidence:
        return Evidence(frozenset({Selector(self.name, f"pid:{caller.pid}")}))


class Fails(Says):
    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(name)
        self._error = error

    async def attest(self, caller: KernelCaller) -> Evidence:  # noqa: ARG002  it is a protocol's
        raise self._error


class Hangs(Says):
    async def attest(self, caller: KernelCaller) -> Evidence:
        await asyncio.Event().wait()
        return await super().attest(caller)


class Meets(Says):
    """Answers only once another one has been asked, too."""

    def __init__(self, name: str, barrier: asyncio.Barrier) -> None:
        super().__init__(name)
        self._barrier = barrier

    async def attest(self, caller: KernelCaller) -> Evidence:
        await self._barrier.wait()
        return await super().attest(caller)


class Kills(Says):
    def __init__(self, name: str, child: Child) -> None:
        super().__init__(name)
        self._child = child

    async def attest(self, caller: KernelCaller) -> Evidence:
        self._child.end()
        return await super().attest(caller)


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


@pytest.fixture
def caller(child: Child) -> KernelCaller:
    return identify(child.sock)


def _names(evidence: Evidence) -> set[str]:
    return {selector.type for selector in evidence.selectors}


async def test_all_are_asked_side_by_side(caller: KernelCaller) -> None:
    barrier = asyncio.Barrier(2)
    evidence = await attest(caller, [Meets("one", barrier), Meets("two", barrier)], LONG)
    assert _names(evidence) == {"one", "two"}
    assert not evidence.partial


async def test_one_that_is_down_costs_its_own_selectors_and_may_be_asked_again(
    caller: KernelCaller,
) -> None:
    down = Fails("docker", UnavailableError("docker is down"))
    evidence = await attest(caller, [Says("unix"), down], LONG)
    assert _names(evidence) == {"unix"}
    assert evidence.failures == {"docker": "docker is down"}
    assert evidence.retry


async def test_one_that_hangs_costs_its_own_selectors(caller: KernelCaller) -> None:
    evidence = await attest(caller, [Says("unix"), Hangs("docker")], SOON)
    assert _names(evidence) == {"unix"}
    assert evidence.failures == {"docker": "no answer within 0.05 seconds"}
    assert evidence.retry


async def test_one_that_refuses_is_not_asked_again(caller: KernelCaller) -> None:
    refuses = Fails("docker", AttestationError("a forged cgroup"))
    evidence = await attest(caller, [Says("unix"), refuses], LONG)
    assert evidence.failures == {"docker": "a forged cgroup"}
    assert not evidence.retry


async def test_nobody_to_ask_is_nothing_known(caller: KernelCaller) -> None:
    assert await attest(caller, [], LONG) == Evidence(frozenset())


async def test_a_caller_that_exits_during_attestation_is_refused(
    child: Child, caller: KernelCaller
) -> None:
    with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):
        await attest(caller, [Says("one"), Kills("two", child)], LONG)


class Claims(Says):
    """Vouches for what is not its own: what the configuration's owner alone declares."""

    async def attest(self, caller: KernelCaller) -> Evidence:
        known = (await super().attest(caller)).selectors
        others = {Selector("output", "web"), Selector("unixx", "uid:0")}
        return Evidence(known | others, {"claims": "is partial"}, retry=True)


async def test_an_attestor_is_believed_for_its_own_type_of_selector_only(
    caller: KernelCaller,
) -> None:
    found = await attest(caller, [Claims("unix"), Says("other")], LONG)
    pid = caller.pid
    assert set(map(str, found.selectors)) == {f"unix:pid:{pid}", f"other:pid:{pid}"}
    assert (found.failures, found.retry) == ({"claims": "is partial"}, True)


class Tells(Says):
    """Knows a great deal; ``size`` characters each of ``many`` facts."""

    def __init__(self, many: int, size: int) -> None:
        super().__init__("docker")
        self._facts = frozenset(Selector("docker", f"{n}".rjust(size, "x")) for n in range(many))

    async def attest(self, caller: KernelCaller) -> Evidence:  # noqa: ARG002  it is a protocol's
        return Evidence(self._facts, {"docker:env": "is down"}, retry=True)


@pytest.mark.parametrize(
    ("many", "size", "reason"),
    [
        (2501, 4, "2501 selectors of one caller, more than 2500"),
        (65, 2040, "selectors of one caller with 132990 characters, more than 131072"),
    ],
)
async def test_one_that_tells_too_much_costs_its_own_selectors(
    caller: KernelCaller, many: int, size: int, reason: str
) -> None:
    """It is kept for each of thousands of connections, and most of it may be the caller's word."""
    evidence = await attest(caller, [Says("unix"), Tells(many, size)], LONG)
    assert {each.type for each in evidence.selectors} == {"unix"}
    assert evidence.failures == {"docker": reason}
    assert not evidence.retry


async def test_as_much_as_anybody_needs_is_kept(caller: KernelCaller) -> None:
    evidence = await attest(caller, [Tells(2500, 4), Tells(64, 2040)], LONG)
    assert len(evidence.selectors) == 2564
