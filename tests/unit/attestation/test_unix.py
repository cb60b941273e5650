from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from support import needs
from support.calling import Child, calling
from support.clock import FakeClock

from accredit.attestation.caller import identify
from accredit.attestation.names import Account, Names
from accredit.attestation.unix import UnixAttestor, UnixSettings
from accredit.identity.errors import AttestationError


@pytest.fixture
def child() -> Iterator[Child]:
    with calling() as child:
        yield child


def _attestor(
    look_up: Callable[[Account], str | None] = lambda account: f"name-of-{account[1]}",
    settings: UnixSettings | None = None,
) -> UnixAttestor:
    clock = FakeClock()
    return UnixAttestor(settings or UnixSettings(), clock, Names(clock, look_up))


async def test_ids_are_given_with_their_names(child: Child) -> None:
    evidence = await _attestor().attest(identify(child.sock))
    expected = {f"unix:uid:{os.getuid()}", f"unix:user:name-of-{os.getuid()}"}
    expected |= {f"unix:gid:{os.getgid()}", f"unix:group:name-of-{os.getgid()}"}
    for number in os.getgroups():
        expected |= {f"unix:supplementary_gid:{number}"}
        expected |= {f"unix:supplementary_group:name-of-{number}"}
    assert {str(selector) for selector in evidence.selectors} == expected
    assert not evidence.partial


@pytest.mark.root
async def test_every_supplementary_group_is_given() -> None:
    needs.root()
    with calling(extra_groups=[70001, 70002]) as child:
        evidence = await _attestor().attest(identify(child.sock))
    found = {s.value for s in evidence.selectors if s.value.startswith("supplementary")}
    assert found == {
        "supplementary_gid:70001",
        "supplementary_gid:70002",
        "supplementary_group:name-of-70001",
        "supplementary_group:name-of-70002",
    }


@pytest.mark.root
async def test_who_has_more_groups_than_anybody_needs_keeps_user_and_group() -> None:
    """Who may choose groups, as root in a container may, chooses how many are looked up."""
    needs.root()
    asked: list[Account] = []

    def look_up(account: Account) -> str:
        asked.append(account)
        return "x"

    with calling(extra_groups=range(70000, 71025)) as child:
        evidence = await _attestor(look_up).attest(identify(child.sock))
    assert {s.value.partition(":")[0] for s in evidence.selectors} == {
        *("uid", "gid", "user", "group")
    }
    assert evidence.failures == {"unix:supplementary_gid": "1025 groups, more than 1024"}
    assert len(asked) == 2


async def test_who_has_no_name_keeps_the_number(child: Child) -> None:
    evidence = await _attestor(lambda _: None).attest(identify(child.sock))
    assert f"unix:uid:{os.getuid()}" in {str(selector) for selector in evidence.selectors}
    assert not {s for s in evidence.selectors if s.value.startswith(("user:", "group:"))}
    assert not evidence.partial


async def test_who_has_a_name_that_no_selector_can_hold_keeps_the_number(child: Child) -> None:
    evidence = await _attestor(lambda _: "n" * 5000).attest(identify(child.sock))
    assert f"unix:uid:{os.getuid()}" in {str(selector) for selector in evidence.selectors}
    assert not {s for s in evidence.selectors if s.value.startswith(("user:", "group:"))}


async def test_a_name_service_that_hangs_costs_the_names_and_nothing_else(
    child: Child,
) -> None:
    gate = threading.Event()
    settings = UnixSettings(names_timeout=timedelta(milliseconds=50))
    attestor = _attestor(lambda _: str(gate.wait()), settings)
    evidence = await attestor.attest(identify(child.sock))
    assert f"unix:uid:{os.getuid()}" in {str(selector) for selector in evidence.selectors}
    assert evidence.failures == {"unix:user": "no answer within 0.05 seconds"}
    assert evidence.retry
    gate.set()


async def test_the_program_is_not_looked_at_unless_asked_for(child: Child) -> None:
    evidence = await _attestor().attest(identify(child.sock))
    assert not {s for s in evidence.selectors if s.value.startswith(("path:", "sha256:"))}


async def test_the_program_is_looked_at_when_asked_for(child: Child) -> None:
    attestor = _attestor(settings=UnixSettings(discover_path=True))
    evidence = await attestor.attest(identify(child.sock))
    kinds = {selector.value.partition(":")[0] for selector in evidence.selectors}
    assert {"uid", "gid", "user", "group", "path", "sha256"} <= kinds


async def test_a_program_too_large_costs_its_hash_and_nothing_else(child: Child) -> None:
    attestor = _attestor(settings=UnixSettings(discover_path=True, size_limit=1))
    evidence = await attestor.attest(identify(child.sock))
    assert set(evidence.failures) == {"unix:sha256"}
    assert not evidence.retry
    assert f"unix:uid:{os.getuid()}" in {str(selector) for selector in evidence.selectors}


async def test_a_dead_caller_is_refused(child: Child) -> None:
    caller = identify(child.sock)
    child.end()
    with pytest.raises(AttestationError, match=f"caller {caller.pid} has exited"):
        await _attestor().attest(caller)
