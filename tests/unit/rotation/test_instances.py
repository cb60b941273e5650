from __future__ import annotations

from datetime import UTC, datetime

from support.entries import entry, template

from accredit.rotation.held import Held
from accredit.rotation.instances import Instances

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_USERS = template("/u/{unix:user}")


def _held(name: str) -> Held:
    made = _USERS.instance((name,))
    assert made is not None
    return Held(made, asked=_NOW)


def test_an_entry_of_the_files_is_not_counted() -> None:
    instances = Instances(1, lambda _: False)
    assert instances.asked(Held(entry("/web"), asked=_NOW)) is None
    assert len(instances) == 0


def test_the_one_asked_for_longest_ago_goes() -> None:
    ana, bob, eve = _held("ana"), _held("bob"), _held("eve")
    instances = Instances(2, lambda _: False)
    assert [instances.asked(each) for each in (ana, bob, ana)] == [None, None, None]
    assert instances.asked(eve) is bob


def test_what_is_needed_stays_and_the_next_one_goes() -> None:
    ana, bob, eve = _held("ana"), _held("bob"), _held("eve")
    instances = Instances(2, lambda each: each is ana)
    assert [instances.asked(each) for each in (ana, bob, eve)] == [None, None, bob]


def test_the_one_just_asked_for_never_goes() -> None:
    instances = Instances(1, lambda each: each.entry.values != ("eve",))
    for name in ("ana", "bob", "eve"):
        assert instances.asked(_held(name)) is None
