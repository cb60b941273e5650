from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.ca import TestCa
from support.clock import FakeClock
from support.entries import entry
from support.fake_authority import FakeAuthority
from support.fake_workload import FakeWorkload
from support.sds_client import Conversation, call, conversation, names

from accredit.identity.errors import (
    AttestationError,
    NotEntitledError,
    RequestError,
    UnavailableError,
)
from accredit.rotation.delivery import Call, Shape
from accredit.rotation.identities import Identities
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.proto import tls_pb2
from accredit.sds_server.service import SecretDiscovery
from accredit.sds_server.settings import SdsSettings

API = entry("/api")
WEB = entry("/web", "unix:uid:2000")


class Rig:
    """The service over real rotation and a fake authority."""

    def __init__(self, *entries: Any, settings: SdsSettings | None = None) -> None:
        self.clock = FakeClock()
        self.authority = FakeAuthority(self.clock, *entries)
        self.workload = FakeWorkload()
        self.service = SecretDiscovery(Identities(self.authority, self.clock), settings, self.clock)

    def stream(self) -> AbstractAsyncContextManager[Conversation[pb.DiscoveryResponse]]:
        parse = pb.DiscoveryResponse.FromString
        return conversation(self.service, "StreamSecrets", self.workload, parse)

    def delta(self) -> AbstractAsyncContextManager[Conversation[pb.DeltaDiscoveryResponse]]:
        parse = pb.DeltaDiscoveryResponse.FromString
        return conversation(self.service, "DeltaSecrets", self.workload, parse)

    async def fetch(self, *wanted: str) -> pb.DiscoveryResponse:
        request = pb.DiscoveryRequest(resource_names=wanted)
        (answer,) = await call(self.service, "FetchSecrets", self.workload, request)
        return pb.DiscoveryResponse.FromString(answer)

    @property
    def connections(self) -> list[dict[str, Any]]:
        found = self.service.ledger.describe()["connections"]
        assert isinstance(found, list)
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [line for connection in self.connections for line in connection["secrets"]]


def ask(*wanted: str, nonce: str = "", **node: Any) -> pb.DiscoveryRequest:
    return pb.DiscoveryRequest(resource_names=wanted, response_nonce=nonce, node=node or None)  # type: ignore[arg-type]


def test_the_service_has_envoys_name_and_methods() -> None:
    service = Rig().service
    assert service.name == "envoy.service.secret.v3.SecretDiscoveryService"
    assert [(method.name, method.shape) for method in service.methods] == [
        ("StreamSecrets", Shape.BIDI),
        ("DeltaSecrets", Shape.BIDI),
        ("FetchSecrets", Shape.UNARY),
    ]


async def test_a_stream_brings_a_secret_and_its_successors() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        await talk.say(ask("default", "ALL"))
        first = await talk.hear()
        assert names(first) == ["default", "ALL"]
        await talk.say(ask("default", "ALL", nonce=first.nonce))
        rig.authority.rotate()
        second = await talk.hear()
        assert second.nonce != first.nonce
        assert second.version_info != first.version_info


async def test_a_delta_stream_brings_only_what_changed() -> None:
    rig = Rig(API)
    async with rig.delta() as talk:
        await talk.say(
            pb.DeltaDiscoveryRequest(resource_names_subscribe=["default", "ROOTCA", "file-root:x"])
        )
        first = await talk.hear()
        assert names(first) == ["default", "ROOTCA"]
        assert list(first.removed_resources) == ["file-root:x"]
        kept = {each.name: each.version for each in first.resources}
    async with rig.delta() as talk:
        stale = {**kept, "default": "older"}
        await talk.say(
            pb.DeltaDiscoveryRequest(
                resource_names_subscribe=["default", "ROOTCA"], initial_resource_versions=stale
            )
        )
        assert names(await talk.hear()) == ["default"]


async def test_a_parked_name_is_pushed_when_its_entry_appears() -> None:
    rig = Rig()
    async with rig.stream() as talk:
        await talk.say(ask("default"))
        assert await talk.silent()
        assert [line["state"] for line in rig.lines] == ["parked"]
        rig.authority.set_entries(API)
        assert names(await talk.hear()) == ["default"]


async def test_only_the_callers_own_are_given_whatever_its_node_claims() -> None:
    rig = Rig(API, WEB)
    with pytest.raises(NotEntitledError, match="not entitled to any of the names"):
        await rig.fetch("spiffe://prod.example/web")
    async with rig.stream() as talk:
        await talk.say(ask(id="spiffe://prod.example/web", cluster="web"))
        assert names(await talk.hear()) == ["spiffe://prod.example", "spiffe://prod.example/api"]


def trusted(message: pb.DiscoveryResponse) -> list[str]:
    """Return the trust domains that the one validation context in a message believes."""
    (resource,) = message.resources
    context = tls_pb2.Secret.FromString(resource.value).validation_context
    packed = context.custom_validator_config.typed_config
    config = tls_pb2.SPIFFECertValidatorConfig.FromString(packed.value)
    return [each.name for each in config.trust_domains]


async def test_a_list_of_trust_domains_grows_and_shrinks_with_what_the_caller_may_have() -> None:
    name = "spiffe://a.example,spiffe://b.example"
    rig = Rig(entry("/api", federates_with=("a.example", "c.example")))
    for partner in ("a.example", "b.example", "c.example"):
        ca = TestCa(partner)
        rig.authority.set_bundle(ca.bundle())
    async with rig.stream() as talk:
        await talk.say(ask(name))
        assert trusted(await talk.hear()) == ["a.example"]
        for federated in (("a.example", "b.example"), ("b.example",), (), ("a.example",)):
            rig.authority.set_entries(entry("/api", federates_with=federated))
            assert trusted(await talk.hear()) == list(federated)


async def test_the_nodes_wishes_hold_for_later_requests_and_streams_of_the_connection() -> None:
    rig = Rig(API)
    async with rig.stream() as one, rig.stream() as two:
        await one.say(ask("default", id="sidecar-1", metadata={"accredit.hint": "nothing"}))
        await two.say(ask("ROOTCA"))
        assert names(await two.hear()) == ["ROOTCA"]
        (connection,) = rig.connections
        assert connection["node"] == "sidecar-1"
        assert connection["streams"] == 2
        assert [line["state"] for line in connection["secrets"]] == ["parked", "sent"]


async def test_a_stream_that_has_ended_leaves_nothing_behind() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        await talk.say(ask("default"))
        await talk.hear()
        assert rig.lines
        await talk.end()
        with pytest.raises(EOFError):
            await talk.hear()
        assert rig.connections == []


async def test_a_stream_that_is_dropped_leaves_nothing_behind() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        await talk.say(ask("default"))
        await talk.hear()
    assert rig.connections == []
    assert len(asyncio.all_tasks()) == 1


async def test_a_request_that_breaks_the_protocol_ends_the_stream_with_its_own_error() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        await talk.say(pb.DiscoveryRequest(type_url="type.googleapis.com/x"))
        with pytest.raises(RequestError, match="is not served here"):
            await talk.hear()
    rig = Rig(API, settings=SdsSettings(max_names=1))
    async with rig.delta() as delta:
        await delta.say(pb.DeltaDiscoveryRequest(resource_names_subscribe=["default"]))
        await delta.hear()
        await delta.say(pb.DeltaDiscoveryRequest(resource_names_subscribe=["ROOTCA"]))
        with pytest.raises(RequestError, match="more than 1 resource names on one stream"):
            await delta.hear()


async def test_a_caller_that_has_died_ends_the_stream() -> None:
    rig = Rig(API)
    rig.workload.caller.alive = False
    async with rig.stream() as talk:
        await talk.say(ask("default"))
        with pytest.raises(AttestationError, match="caller 4711 has exited"):
            await talk.hear()


async def test_a_stream_that_asks_for_nothing_is_ended() -> None:
    rig = Rig(API, settings=SdsSettings(first_request_seconds=0.01))
    async with rig.stream() as talk:
        with pytest.raises(RequestError, match=r"no request in 0.01 seconds"):
            await talk.hear()


async def test_a_stream_that_has_asked_may_be_silent_for_ever() -> None:
    rig = Rig(API, settings=SdsSettings(first_request_seconds=0.3))
    async with rig.stream() as talk:
        await talk.say(ask("default"))
        await talk.hear()
        await asyncio.sleep(0.6)
        assert await talk.silent()
        await talk.say(ask("default", "ROOTCA", nonce="1"))
        assert names(await talk.hear()) == ["ROOTCA"]


async def test_a_fetch_answers_once_with_what_there_is() -> None:
    rig = Rig(API)
    message = await rig.fetch("default", "spiffe://prod.example/db", "file-root:system")
    assert names(message) == ["default"]
    assert names(await rig.fetch()) == ["spiffe://prod.example", "spiffe://prod.example/api"]
    assert rig.connections == []


async def test_a_fetch_of_what_can_never_be_had_says_so() -> None:
    with pytest.raises(RequestError, match="none of the names can be valid here"):
        await Rig(API).fetch("file-root:system")


async def test_a_fetch_by_a_stranger_is_refused() -> None:
    for wanted in ((), ("default",), ("ROOTCA",), ("file-root:system", "default")):
        with pytest.raises(NotEntitledError, match="not entitled"):
            await Rig().fetch(*wanted)
    anyone = Rig(settings=SdsSettings(allow_unauthenticated_verifiers=True))
    assert names(await anyone.fetch("ROOTCA")) == ["ROOTCA"]


async def test_a_fetch_without_a_request_is_refused() -> None:
    rig = Rig(API)
    with pytest.raises(RequestError, match="the call ended without a request"):
        await call(rig.service, "FetchSecrets", rig.workload)


async def test_a_slow_reader_skips_states_and_gets_the_newest() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        talk.reading.clear()
        await talk.say(ask("ROOTCA"))
        await talk.hear()
        for _ in range(5):
            rig.authority.rotate()
            assert await talk.silent()
        talk.reading.set()
        newest = rig.authority.signer.root.public_bytes(Encoding.PEM)
        assert newest in (await talk.hear()).resources[0].value
        assert await talk.silent()


async def test_expired_certificates_are_not_given_when_nobody_can_sign() -> None:
    rig = Rig(API)
    await rig.fetch("default")
    rig.authority.down = True
    rig.clock.advance(timedelta(hours=2))
    with pytest.raises(UnavailableError, match="cannot be had just now"):
        await rig.fetch("default")


async def test_nothing_secret_is_in_the_ledger() -> None:
    rig = Rig(API)
    async with rig.stream() as talk:
        await talk.say(ask("default"))
        first = await talk.hear()
        refusal = ask("default", nonce=first.nonce)
        refusal.error_detail.message = f"bad: {first.resources[0].value.decode('latin-1')}"
        await talk.say(refusal)
        assert await talk.silent()
        assert rig.service.ledger.counters.nacks == 1
        told = str(rig.service.ledger.describe())
        assert "PRIVATE KEY" not in told
        assert rig.lines[0]["serial"] in told


def test_a_call_needs_no_security_header() -> None:
    assert Call(FakeWorkload(), {}).metadata == {}
