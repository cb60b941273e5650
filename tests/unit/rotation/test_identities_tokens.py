"""JWT-SVIDs for a caller, and for whoever watches with them."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from support.clock import MINUTE
from support.entries import entry
from support.fake_workload import FakeWorkload
from support.identities import ANA, A, B, Bench
from support.running import quiet, running

from accredit.identity.errors import AttestationError, AuthorityUnavailableError, NotEntitledError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.rotation.snapshot import Snapshot


@pytest.mark.rows("JS-03", "JS-14")
async def test_without_an_id_there_is_a_token_for_each_identity() -> None:
    second = entry("/second", ANA, default=True)
    bench = Bench(A, second, B)
    found = await bench.identities.jwt_svids(FakeWorkload(ANA), ["aud"], None)
    assert [each.svid.spiffe_id for each in found] == [second.spiffe_id, A.spiffe_id]
    assert [each.entry for each in found] == [second, A]


@pytest.mark.rows("JS-04")
async def test_with_an_id_there_is_one_token_for_it() -> None:
    twice = entry("/a", ANA, "unix:gid:7")
    bench = Bench(A, twice, B)
    workload = FakeWorkload(ANA, "unix:gid:7")
    (found,) = await bench.identities.jwt_svids(workload, ["aud"], A.spiffe_id)
    assert found.svid.spiffe_id == A.spiffe_id


@pytest.mark.rows("JS-07")
async def test_the_hints_of_tokens_are_unique() -> None:
    old, new = entry("/old", ANA, hint="internal"), entry("/new", ANA, hint="internal")
    found = await Bench(old, new).identities.jwt_svids(FakeWorkload(ANA), ["aud"], None)
    assert [each.hint for each in found] == ["internal", ""]


@pytest.mark.rows("JS-09")
@pytest.mark.parametrize("path", [None, "/b", "/nobody"])
async def test_there_is_no_token_for_who_is_not_entitled(path: str | None) -> None:
    asked = None if path is None else SpiffeId(TrustDomain("prod.example"), path)
    workload = FakeWorkload("unix:uid:3") if path is None else FakeWorkload(ANA)
    with pytest.raises(NotEntitledError, match=path or "any identity"):
        await Bench(A, B).identities.jwt_svids(workload, ["aud"], asked)


@pytest.mark.rows("JS-13")
async def test_there_is_no_token_while_nobody_can_sign() -> None:
    bench = Bench(A)
    bench.authority.down = True
    with pytest.raises(AuthorityUnavailableError, match="down"):
        await bench.identities.jwt_svids(FakeWorkload(ANA), ["aud"], None)


class TokenWatcher:
    """Watches with a follower of one token; ``seen`` is what it got each time."""

    def __init__(self, bench: Bench, workload: FakeWorkload) -> None:
        self.tokens = bench.identities.follow_tokens()
        self.seen: list[tuple[Snapshot, str]] = []
        self.error: AttestationError | None = None
        self._states = bench.identities.watch(workload, self.tokens)

    async def run(self) -> None:
        try:
            async with aclosing(self._states):
                async for snapshot in self._states:
                    with self.tokens.round():
                        found = self.tokens.look_up(A, "a")
                    token = found if isinstance(found, str) else found.svid.token
                    self.seen.append((snapshot, token))
        except AttestationError as error:
            self.error = error


async def test_a_watcher_of_tokens_gets_the_same_state_again_when_one_is_replaced() -> None:
    bench, workload = Bench(A), FakeWorkload(ANA)
    watcher = TokenWatcher(bench, workload)
    async with running(bench.identities, watcher):
        await quiet()
        count = len(watcher.seen)
        await bench.pass_time(4 * MINUTE)
        assert len(watcher.seen) == count + 1
        (before, old), (after, new) = watcher.seen[-2:]
        assert after is before
        assert new != old
        workload.caller.alive = False
        await bench.pass_time(4 * MINUTE)
        assert "has exited" in str(watcher.error)
        assert len(watcher.seen) == count + 1
