"""Whatever happens, who follows a token has a good one or none, and nobody else costs anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from support.entries import entry
from support.running import quiet, running
from support.tokens import TokenBench

from accredit.authority.entry import Entry
from accredit.identity.jwt_verify import validate_jwt_svid
from accredit.rotation.held_token import Token

SECOND = timedelta(seconds=1)
ROOM, ROOM_OF_ENTRY = 4, 3
A, B = (entry(path, jwt_ttl=60 * SECOND) for path in ("/a", "/b"))
Wanted = frozenset[tuple[Entry, str]]


class World:
    """Three streams, of which each wants some (entry, audience) pairs."""

    def __init__(self) -> None:
        self.bench = TokenBench(A, B, followed_jwt_svids=ROOM, followed_audiences=ROOM_OF_ENTRY)
        self.streams = [self.bench.follower() for _ in range(3)]
        self.wants: list[Wanted] = [frozenset() for _ in self.streams]
        self.found: list[dict[tuple[Entry, str], Token | str]] = [{} for _ in self.streams]
        for number, stream in enumerate(self.streams):
            stream.wake = partial(self.look, number)

    def look(self, number: int) -> None:
        """Do as a stream does for each message: look up all that it wants."""
        stream = self.streams[number]
        with stream.round():
            found = {key: stream.look_up(*key) for key in self.wants[number]}
        self.found[number] = found
        for (wanted, audience), token in found.items():
            if isinstance(token, Token):
                self.check(wanted, audience, token)

    def check(self, wanted: Entry, audience: str, token: Token) -> None:
        # While nobody can sign, a clock set back leaves tokens that are not valid yet.
        now = max(self.bench.clock.now(), token.svid.issued_at)
        bundles = self.bench.authority.bundles
        read = validate_jwt_svid(token.svid.token, (audience,), bundles, now)
        assert read.spiffe_id == wanted.spiffe_id

    def check_all(self) -> None:
        held = list(self.bench.tokens)
        assert len(held) <= ROOM
        for each in (A, B):
            assert sum(one.entry.entry_id == each.entry_id for one in held) <= ROOM_OF_ENTRY
        followed = {(one.entry, one.audience) for one in held}
        assert followed <= frozenset().union(*self.wants)
        assert len(self.bench.tokens.agenda) <= len(held)
        for one in held:
            assert one.followers
            assert one.entry in self.bench.authority.entries

    async def recover(self) -> None:
        """After an outage, and when one stream makes room, the others have all that fits."""
        self.bench.authority.down = False
        self.bench.authority.set_entries(A, B)
        self.wants[0] = frozenset()
        for number in (2, 1, 0):
            self.look(number)
        for _ in range(3):
            self.bench.clock.advance(67 * SECOND)
            await quiet()
        found = self.found[1] | self.found[2]
        tokens = [token for token in found.values() if isinstance(token, Token)]
        for token in tokens:
            assert token.svid.issued_at <= self.bench.clock.now() < token.svid.expires_at
        of_a, of_b = (sum(one is each for one, _ in found) for each in (A, B))
        assert len(tokens) == min(min(of_a, ROOM_OF_ENTRY) + min(of_b, ROOM_OF_ENTRY), ROOM)


Step = Callable[[World], object]


def want(number: int, wanted: Wanted) -> Step:
    def step(world: World) -> None:
        world.wants[number] = wanted
        world.look(number)

    return step


def entries(present: tuple[Entry, ...]) -> Step:
    def step(world: World) -> None:
        world.bench.authority.set_entries(*present)
        for number, wanted in enumerate(world.wants):
            # As names do: what no entry gives is not looked up.
            world.wants[number] = frozenset(one for one in wanted if one[0] in present)
            world.look(number)

    return step


def outage(down: bool) -> Step:
    return lambda world: setattr(world.bench.authority, "down", down)


def advance(span: timedelta) -> Step:
    return lambda world: world.bench.clock.advance(span)


def jump(span: timedelta) -> Step:
    return lambda world: world.bench.clock.jump(span)


def rotate() -> Step:
    return lambda world: world.bench.authority.rotate()


pairs = st.tuples(st.sampled_from([A, B]), st.sampled_from(["x", "y", "z"]))
spans = st.sampled_from([SECOND, 10 * SECOND, 31 * SECOND, 70 * SECOND, 7300 * SECOND])
steps = st.one_of(
    st.builds(want, st.integers(0, 2), st.frozensets(pairs, max_size=4)),
    st.builds(entries, st.sampled_from([(), (A,), (B,), (A, B)])),
    st.builds(outage, st.booleans()),
    st.builds(advance, spans),
    st.builds(jump, st.one_of(spans, spans.map(lambda span: -span))),
    st.builds(rotate),
)


async def live_through(happenings: list[Step], *, settle_between: bool) -> None:
    world = World()
    async with running(world.bench):
        for step in happenings:
            step(world)
            if settle_between:
                await quiet()
                world.check_all()
        await quiet()
        await world.recover()
        world.check_all()
        for stream in world.streams:
            stream.close()
        assert list(world.bench.tokens) == []
        assert world.bench.tokens._turned_away == {}


@settings(max_examples=200)
@given(happenings=st.lists(steps, max_size=15), settle_between=st.booleans())
def test_every_stream_ends_up_with_good_tokens_and_never_sees_a_wrong_one(
    *, happenings: list[Step], settle_between: bool
) -> None:
    asyncio.run(live_through(happenings, settle_between=settle_between))
