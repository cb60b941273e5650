"""JWT-SVIDs by name, over the service and real rotation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.running import quiet, running
from support.sds_client import Conversation, call, conversation, names

from accredit.identity.errors import (
    AttestationError,
    NotEntitledError,
    RequestError,
    UnavailableError,
)
from accredit.identity.jwt_verify import ValidatedJwt, validate_jwt_svid
from accredit.rotation.identities import Identities
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.proto import tls_pb2
from accredit.sds_server.service import SecretDiscovery
from accredit.sds_server.settings import SdsSettings

MINUTE = timedelta(minutes=1)
API, WEB = entry("/api", hint="one"), entry("/web", hint="two", order=1)


class Rig:
    def __init__(self, *entries: Any, **settings: Any) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        self.workload = FakeWorkload()
        self.identities = Identities(self.authority, self.clock)
        self.service = SecretDiscovery(self.identities, SdsSettings(**settings), self.clock)

    @asynccontextmanager
    async def stream(self, *wanted: str, **node: Any) -> AsyncIterator[Conversation[Any]]:
        async with running(self.identities), self.another() as talk:
            await talk.say(ask(*wanted, **node))
            yield talk

    def another(self) -> AbstractAsyncContextManager[Conversation[pb.DiscoveryResponse]]:
        parse = pb.DiscoveryResponse.FromString
        return conversation(self.service, "StreamSecrets", self.workload, parse)

    async def fetch(self, *wanted: str) -> pb.DiscoveryResponse:
        (answer,) = await call(self.service, "FetchSecrets", self.workload, ask(*wanted))
        return pb.DiscoveryResponse.FromString(answer)

    def read(self, message: Any, audience: str) -> ValidatedJwt:
        """Return what the one token in a message says, once it is verified."""
        token = bearer(message)
        return validate_jwt_svid(token, (audience,), self.authority.bundles, self.clock.now())

    @property
    def lines(self) -> list[dict[str, Any]]:
        found: Any = self.service.ledger.describe()["connections"]
        return [line for connection in found for line in connection["secrets"]]


def ask(*wanted: str, nonce: str = "", **node: Any) -> pb.DiscoveryRequest:
    return pb.DiscoveryRequest(resource_names=wanted, response_nonce=nonce, node=node or None)  # type: ignore[arg-type]


def bearer(message: Any) -> str:
    (packed,) = [getattr(each, "resource", each) for each in message.resources]
    secret = tls_pb2.Secret.FromString(packed.value)
    return secret.generic_secret.secret.inline_bytes.decode()


async def test_a_stream_brings_a_token_and_each_that_replaces_it_before_it_ends() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk:
        for number in range(1, 13):
            message = await talk.hear()
            assert names(message) == ["jwt:x"]
            found = rig.read(message, "x")
            assert str(found.spiffe_id) == "spiffe://prod.example/api"
            assert found.expires_at - rig.clock.now() >= 4 * MINUTE
            await talk.say(ask("jwt:x", nonce=message.nonce))
            await quiet()
            rig.clock.advance(3 * MINUTE)
            assert rig.lines[0]["acks"] == number
    assert rig.authority.signed < 20


async def test_a_line_tells_of_a_token_what_people_may_know() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk:
        message = await talk.hear()
        (line,) = rig.lines
        assert line["kind"] == "JWT-SVID"
        assert line["spiffe_id"] == "spiffe://prod.example/api"
        assert line["not_after"] == "2026-01-01T00:05:00Z"
        assert bearer(message) not in repr(rig.lines)


async def test_a_delta_stream_brings_it_and_none_that_can_never_be() -> None:
    rig = Rig(API)
    parse = pb.DeltaDiscoveryResponse.FromString
    async with (
        running(rig.identities),
        conversation(rig.service, "DeltaSecrets", rig.workload, parse) as talk,
    ):
        await talk.say(pb.DeltaDiscoveryRequest(resource_names_subscribe=["jwt:x", "jwt:"]))
        assert list((await talk.hear()).removed_resources) == ["jwt:"]
        first = await talk.hear()
        rig.read(first, "x")
        rig.clock.advance(3 * MINUTE)
        second = await talk.hear()
        assert rig.read(second, "x").expires_at > rig.clock.now() + 4 * MINUTE
        await talk.say(pb.DeltaDiscoveryRequest(resource_names_unsubscribe=["jwt:x"]))
        await quiet()
        assert rig.identities.describe().tokens == ()


async def test_streams_of_one_entry_and_audience_share_a_token_and_nothing_else_is_signed() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk, rig.another() as second, rig.another() as third:
        first = bearer(await talk.hear())
        await second.say(ask("jwt:x"))
        await third.say(ask("jwt:y"))
        assert bearer(await second.hear()) == first
        assert bearer(await third.hear()) != first
        (x, y) = rig.identities.describe().tokens
        assert (x.audience, x.followers, y.audience, y.followers) == ("x", 2, "y", 1)
        assert rig.authority.signed == 1 + 2
    assert rig.identities.describe().tokens == ()


async def test_a_fetch_answers_with_all_at_once() -> None:
    rig = Rig(API)
    answer = await rig.fetch("jwt:x", "default", "jwt:y")
    assert names(answer) == ["jwt:x", "default", "jwt:y"]
    assert rig.identities.describe().tokens == ()


async def test_a_fetch_says_why_there_is_none() -> None:
    with pytest.raises(NotEntitledError):
        await Rig().fetch("jwt:x")
    with pytest.raises(RequestError):
        await Rig(API).fetch("jwt:")
    rig = Rig(API)
    rig.authority.down = True
    with pytest.raises(UnavailableError):
        await rig.fetch("jwt:x")


async def test_the_nodes_wish_chooses_whose_token_it_is() -> None:
    rig = Rig(API, WEB)
    wish = {"accredit.spiffe_id": "spiffe://prod.example/web"}
    async with rig.stream("jwt:x", id="e", metadata=wish) as talk:
        assert str(rig.read(await talk.hear(), "x").spiffe_id) == "spiffe://prod.example/web"


async def test_a_token_that_is_not_granted_yet_is_parked_and_comes_with_its_entry() -> None:
    rig = Rig()
    async with rig.stream("jwt:x") as talk:
        assert await talk.silent()
        assert [line["state"] for line in rig.lines] == ["parked"]
        rig.authority.set_entries(API)
        rig.read(await talk.hear(), "x")


async def test_a_withdrawn_entrys_token_is_not_renewed() -> None:
    rig = Rig(API, WEB)
    rig.authority.set_entries(API)
    async with rig.stream("jwt:x") as talk:
        await talk.hear()
        signed = rig.authority.signed
        rig.authority.set_entries()
        await quiet()
        rig.clock.advance(timedelta(hours=1))
        assert await talk.silent()
        assert [line["state"] for line in rig.lines] == ["withdrawn"]
        assert rig.identities.describe().tokens == ()
        assert rig.authority.signed == signed


async def test_a_new_default_identity_replaces_the_token_by_its_own() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk:
        await talk.hear()
        rig.authority.set_entries(API, entry("/web", default=True))
        assert str(rig.read(await talk.hear(), "x").spiffe_id) == "spiffe://prod.example/web"
        (only,) = rig.identities.describe().tokens
        assert only.spiffe_id == "spiffe://prod.example/web"


async def test_a_new_signer_signs_it_anew() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk:
        first = bearer(await talk.hear())
        rig.authority.rotate()
        second = await talk.hear()
        rig.read(second, "x")
        assert bearer(second) != first


async def test_a_refused_token_is_not_sent_again_and_the_next_one_is() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk:
        first = await talk.hear()
        refusal = ask("jwt:x", nonce=first.nonce)
        refusal.error_detail.message = f"not this one: {bearer(first)}"
        await talk.say(refusal)
        assert await talk.silent()
        assert rig.service.ledger.totals.refusals[0].text == "not this one: [removed]"
        rig.clock.advance(3 * MINUTE)
        assert bearer(await talk.hear()) != bearer(first)


async def test_a_caller_that_is_gone_gets_no_further_token() -> None:
    rig = Rig(API)
    async with rig.stream("jwt:x") as talk:
        await talk.hear()
        rig.workload.caller.alive = False
        rig.clock.advance(3 * MINUTE)
        with pytest.raises(AttestationError, match="has exited"):
            await talk.hear()
        assert rig.identities.describe().tokens == ()


async def test_too_many_audiences_of_one_connection_end_the_stream_that_asked() -> None:
    rig = Rig(API, max_audiences=2)
    async with rig.stream("jwt:a", "jwt:b") as talk, rig.another() as second:
        heard: set[str] = set()
        while heard != {"jwt:a", "jwt:b"}:
            heard.update(names(await talk.hear()))
        await second.say(ask("jwt:c"))
        with pytest.raises(RequestError, match="more than 2 audiences on one connection"):
            await second.hear()
        assert [line["name"] for line in rig.lines] == ["jwt:a", "jwt:b"]


async def test_no_name_does_not_mean_tokens() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        assert names(await talk.hear()) == ["spiffe://prod.example", "spiffe://prod.example/api"]
    assert rig.identities.describe().tokens == ()
