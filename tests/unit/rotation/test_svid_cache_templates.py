"""The SVIDs of instances of templates."""

from __future__ import annotations

from dataclasses import replace

from support.clock import HOUR, MINUTE
from support.entries import entry, template
from support.svid_cache import Bench

from accredit.authority.entry import Entry

_USERS = template("/u/{unix:user}")


def _user(name: str) -> Entry:
    made = _USERS.instance((name,))
    assert made is not None
    return made


async def test_the_svids_of_templates_are_bounded_but_for_those_in_use() -> None:
    bench = Bench(_USERS, template_svids=2)
    users = [_user(str(n)) for n in range(6)]
    bench.watched.add(users[0].entry_id)
    for each in users:
        await bench.ask(each)
        bench.clock.advance(MINUTE)
    assert [each.path for each in users if bench.serial(each)] == ["/u/0", "/u/5"]


async def test_those_who_ask_at_the_same_time_do_not_take_it_from_each_other() -> None:
    bench = Bench(_USERS, template_svids=1)
    ana, bob = _user("ana"), _user("bob")
    await bench.ask(ana, bob)
    assert bench.serial(ana)
    assert bench.serial(bob)
    assert bench.authority.signed == 2


async def test_an_instance_follows_its_template_and_goes_with_it() -> None:
    bench = Bench(_USERS)
    ana = _user("ana")
    await bench.ask(ana)
    bench.authority.set_entries(entry("/other"), replace(_USERS, x509_ttl=HOUR / 2))
    assert bench.held(ana).entry.x509_ttl == HOUR / 2
    first = bench.serial(ana)
    await bench.work_off()
    assert bench.serial(ana) != first
    bench.authority.set_entries(entry("/other"))
    assert bench.serial(ana) is None
    assert not list(bench.cache)
