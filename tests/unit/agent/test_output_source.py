"""What an output gets of rotation: its own entries' identities and tokens, kept fresh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from support.ca import TestCa
from support.clock import FakeClock
from support.entries import entry, template
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.running import quiet, running

from accredit.agent.output_plan import OutputPlan, Wanted
from accredit.agent.output_source import DeclaredSubject, OutputSource
from accredit.authority.entry_template import Declared
from accredit.file_output.material import Material
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.identities import Identities

MINUTE = timedelta(minutes=1)
OWN, PARTNER = TrustDomain("prod.example"), TrustDomain("partner.example")
WEB = entry("/web", "output:web", hint="internal")
OTHER = entry("/other", "output:web", hint="external", order=1)
KEY = FileSpec(Kind.KEY, "key")


def jwt(audience: str) -> FileSpec:
    return FileSpec(Kind.JWT, f"{audience}.jwt", audience=audience)


class Bench:
    """The source of the output ``web``; run it, and ``seen`` is what it yielded."""

    def __init__(
        self, *entries: Declared, wanted: Wanted | None = None, files: tuple[FileSpec, ...] = (KEY,)
    ) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        self.identities = Identities(self.authority, self.clock)
        plan = OutputPlan("web", Path("/f"), wanted or Wanted(), Recipe(files))
        self.source = OutputSource(plan, self.identities)
        self.seen: list[Material] = []

    async def run(self) -> None:
        async with aclosing(self.source.watch()) as states:
            async for material in states:
                self.seen.append(material)

    @property
    def last(self) -> Material:
        return self.seen[-1]

    @property
    def path(self) -> str:
        assert self.last.svid is not None
        return self.last.svid.spiffe_id.path

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with running(self.identities, self):
            await quiet()
            yield

    async def pass_time(self, span: timedelta) -> None:
        self.clock.advance(span)
        await quiet()


async def test_it_yields_the_identity_of_its_entry_and_again_when_that_is_renewed() -> None:
    bench = Bench(WEB)
    async with bench.at_work():
        assert (bench.path, bench.last.own, bench.last.lacking) == ("/web", OWN, "")
        assert bench.last.bundles == bench.authority.bundles
        assert len(bench.seen) == 1
        await bench.pass_time(33 * MINUTE)
        assert len(bench.seen) == 2
        first, second = (each.svid for each in bench.seen)
        assert first is not None
        assert second is not None
        assert first.serial != second.serial


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (Wanted(), "/web"),
        (Wanted("/other"), "/other"),
        (Wanted("spiffe://prod.example/other"), "/other"),
        (Wanted(hint="external"), "/other"),
    ],
)
async def test_of_several_identities_it_takes_the_one_meant(wanted: Wanted, path: str) -> None:
    bench = Bench(WEB, OTHER, wanted=wanted)
    async with bench.at_work():
        assert bench.path == path


@pytest.mark.parametrize(
    ("entries", "wanted", "reason"),
    [
        (
            (entry("/a", "unix:uid:0"), entry("/b", "output:other")),
            Wanted(),
            'no entry is for this output: add one with selectors: ["output:web"]',
        ),
        (
            (entry("/a", "output:web", "unix:uid:0"),),
            Wanted(),
            'no entry is for this output: add one with selectors: ["output:web"]',
        ),
        ((WEB,), Wanted("/x"), "none of the entries for this output is /x"),
        ((WEB,), Wanted(hint="x"), "none of the entries for this output is hint 'x'"),
    ],
)
async def test_without_its_identity_it_says_why_and_gives_nothing(
    entries: tuple[Declared, ...], wanted: Wanted, reason: str
) -> None:
    bench = Bench(*entries, wanted=wanted)
    async with bench.at_work():
        assert (bench.last.svid, bench.last.bundles, bench.last.lacking) == (None, {}, reason)
        bench.authority.set_entries(entry("/x", "output:web", hint="x"))
        await quiet()
        assert (bench.path, bench.last.lacking) == ("/x", "")
        bench.authority.set_entries()
        await quiet()
        assert bench.last.lacking.startswith("no entry is for this output")


async def test_while_nobody_can_sign_it_says_so() -> None:
    bench = Bench(WEB)
    bench.authority.down = True
    async with bench.at_work():
        assert bench.last.lacking == "its X.509-SVID cannot be signed just now"
        bench.authority.down = False
        await bench.pass_time(MINUTE)
        assert bench.path == "/web"


async def test_bundles_of_those_it_federates_with_come_and_go_with_its_entry() -> None:
    bench = Bench(WEB)
    bench.authority.set_bundle(TestCa("partner.example").bundle())
    async with bench.at_work():
        assert set(bench.last.bundles) == {OWN}
        bench.authority.set_entries(
            entry("/web", "output:web", federates_with=("partner.example",))
        )
        await quiet()
        assert set(bench.last.bundles) == {OWN, PARTNER}
        partner = TestCa("partner.example").bundle()
        bench.authority.set_bundle(partner)
        await quiet()
        assert bench.last.bundles[PARTNER] == partner


async def test_tokens_are_there_at_once_and_renewed_before_they_end() -> None:
    bench = Bench(WEB, files=(KEY, jwt("a"), jwt("b")))
    async with bench.at_work():
        assert set(bench.last.tokens) == {"a", "b"}
        assert len(bench.seen) <= 3
        for _ in range(20):
            await bench.pass_time(MINUTE)
            for audience, token in bench.last.tokens.items():
                now = bench.clock.now()
                svid = validate_jwt_svid(token, [audience], bench.authority.bundles, now)
                assert svid.spiffe_id == WEB.spiffe_id
        assert len({material.tokens["a"] for material in bench.seen}) > 5


async def test_tokens_that_cannot_be_signed_are_left_to_rotation_and_not_asked_for_in_a_loop() -> (
    None
):
    bench = Bench(WEB, files=(KEY, jwt("a")))
    async with bench.at_work():
        bench.authority.down = True
        for _ in range(10):
            await bench.pass_time(MINUTE)
        assert bench.last.tokens == {}
        assert len(bench.seen) < 30
        bench.authority.down = False
        await bench.pass_time(2 * MINUTE)
        assert set(bench.last.tokens) == {"a"}


async def test_another_identity_gets_tokens_of_its_own_and_the_old_ones_are_let_go() -> None:
    bench = Bench(WEB, files=(KEY, jwt("a")))
    async with bench.at_work():
        old = bench.last.tokens["a"]
        bench.authority.set_entries(entry("/new", "output:web"))
        await quiet()
        assert bench.path == "/new"
        assert bench.last.tokens["a"] != old
        [token] = bench.identities.describe().tokens
        assert token.spiffe_id.endswith("/new")
        bench.authority.set_entries()
        await quiet()
        assert bench.last.tokens == {}
        assert bench.identities.describe().tokens == ()


async def test_what_ends_follows_nothing_more() -> None:
    bench = Bench(WEB, files=(KEY, jwt("a")))
    async with bench.at_work():
        assert bench.identities.describe().watchers == 1
    assert bench.identities.describe().watchers == 0
    assert bench.identities.describe().tokens == ()


async def test_a_caller_has_the_entries_of_an_output_only_by_a_selector_no_caller_gets() -> None:
    bench = Bench(WEB)
    caller = FakeWorkload("unix:user:output:web", "unix:path:/output:web", "unix:uid:0")
    assert (await bench.identities.snapshot(caller)).identities == ()
    found = await bench.identities.snapshot(DeclaredSubject("web"))
    assert [each.spiffe_id for each in found.identities] == [WEB.spiffe_id]


async def test_an_output_gets_its_own_id_of_a_template() -> None:
    bench = Bench(template("/file/{output}"))
    async with bench.at_work():
        assert bench.path == "/file/web"
        bench.authority.set_entries(template("/output/{output}"))
        await quiet()
        assert bench.path == "/output/web"
