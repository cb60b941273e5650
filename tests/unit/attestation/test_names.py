from __future__ import annotations

import grp
import pwd
from datetime import timedelta

import pytest
from support.clock import FakeClock

from accredit.attestation.names import KEPT, Account, Names, host_name_of

OWNER = 1000
ROOT: Account = ("user", 0)
WHEEL: Account = ("group", 10)
NOBODY: Account = ("user", 4_000_000_000)


class Directory:
    """Knows some names, and what it was asked."""

    def __init__(self, **names: str) -> None:
        self.names = names
        self.asked: list[Account] = []

    def __call__(self, account: Account) -> str | None:
        self.asked.append(account)
        return self.names.get(f"{account[0]}{account[1]}")


@pytest.fixture
def directory() -> Directory:
    return Directory(user0="root", group10="wheel")


async def test_users_and_groups_have_names_and_some_have_none(directory: Directory) -> None:
    names = Names(FakeClock(), directory)
    found = await names.of(OWNER, (ROOT, WHEEL, NOBODY))
    assert found == {ROOT: "root", WHEEL: "wheel", NOBODY: None}


async def test_names_are_remembered_for_a_while_their_absence_too(directory: Directory) -> None:
    clock = FakeClock()
    names = Names(clock, directory)
    await names.of(OWNER, (ROOT, NOBODY))
    clock.advance(KEPT - timedelta(seconds=1))
    assert await names.of(OWNER, (ROOT, NOBODY)) == {ROOT: "root", NOBODY: None}
    assert directory.asked == [ROOT, NOBODY]
    clock.advance(timedelta(seconds=1))
    await names.of(OWNER, (ROOT,))
    assert directory.asked == [ROOT, NOBODY, ROOT]


async def test_only_what_is_not_known_is_asked_for(directory: Directory) -> None:
    names = Names(FakeClock(), directory)
    await names.of(OWNER, (ROOT,))
    await names.of(OWNER, (ROOT, WHEEL))
    assert directory.asked == [ROOT, WHEEL]


async def test_what_is_remembered_is_bounded(directory: Directory) -> None:
    names = Names(FakeClock(), directory)
    await names.of(OWNER, (ROOT,))
    for first in range(1, 10_001, 1_000):
        await names.of(OWNER, [("group", number) for number in range(first, first + 1_000)])
    await names.of(OWNER, (ROOT,))
    assert directory.asked.count(ROOT) == 2


def test_the_host_knows_the_names_of_root() -> None:
    assert host_name_of(("user", 0)) == pwd.getpwuid(0).pw_name
    assert host_name_of(("group", 0)) == grp.getgrgid(0).gr_name


def test_a_number_without_a_name_has_none() -> None:
    assert host_name_of(("user", 4_123_456_789)) is None
    assert host_name_of(("group", 4_123_456_789)) is None
