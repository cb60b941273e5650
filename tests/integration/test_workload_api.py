from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc import aio
from support import openssl
from support.ca import TestCa
from support.entries import entry
from support.running import quiet
from support.serving import ME, ServedWorkloadApi

from accredit.agent.client import JWT_BUNDLES, X509_BUNDLES, X509_CONTEXT
from accredit.identity.errors import (
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.identity.spiffe_id import SpiffeId
from accredit.workload_api.proto import workload_pb2 as pb

METHODS = [
    "FetchX509SVID",
    "FetchX509Bundles",
    "FetchJWTSVID",
    "FetchJWTBundles",
    "ValidateJWTSVID",
    "FetchWITSVID",
    "FetchWITBundles",
]
HALF = timedelta(minutes=33)
HEADER = ("workload.spiffe.io", "true")
PARTNER = TestCa("partner.example")
Code = grpc.StatusCode


async def code_of(
    served: ServedWorkloadApi, method: str, *metadata: tuple[str, str | bytes], request: bytes = b""
) -> grpc.StatusCode:
    """Return how a call with exactly that metadata ends, or OK at its first message."""
    async with aio.insecure_channel(f"unix:{served.path}") as channel:
        start: aio.UnaryStreamMultiCallable[bytes, bytes]
        start = channel.unary_stream(f"/SpiffeWorkloadAPI/{method}")
        try:
            async for _ in start(request, metadata=metadata):
                return Code.OK
        except aio.AioRpcError as error:
            return error.code()
    return Code.OK


@pytest.mark.rows("WC-01", "WE-01", "WE-10", "WE-29")
async def test_every_method_of_both_profiles_answers_over_the_socket(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME, hint="internal"), entry("/api", ME))
    async with served.serving():
        context = await served.client.fetch(X509_CONTEXT)
        assert [each.svid.spiffe_id.path for each in context.svids] == ["/web", "/api"]
        assert context.by_hint("internal") is context.default
        bundles = await served.client.fetch(X509_BUNDLES)
        named = bundles.verify(context.default.chain, served.clock.now())
        assert named == context.default.spiffe_id
        api = SpiffeId.parse("spiffe://prod.example/api")
        (token,) = await served.client.tokens(["db"], api)
        claims = (await served.client.validate(token.token, "db")).claims
        assert (claims["sub"], claims["aud"]) == (str(api), ["db"])
        jwt = (await served.client.fetch(JWT_BUNDLES)).validate(
            token.token, "db", served.clock.now()
        )
        assert jwt.spiffe_id == api


@pytest.mark.rows("WE-07", "WE-08")
@pytest.mark.parametrize("method", METHODS)
async def test_only_exactly_one_true_is_let_in(tmp_path: Path, method: str) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME))
    name = "workload.spiffe.io"
    async with served.serving():
        for values in ([], ["True"], ["TRUE"], ["false"], ["1"], [""], ["true", "true"]):
            metadata = [(name, value) for value in values]
            assert await code_of(served, method, *metadata) is Code.INVALID_ARGUMENT, values
        assert await code_of(served, method, (f"{name}-bin", b"true")) is Code.INVALID_ARGUMENT
        assert served.authority.signed == 0


@pytest.mark.rows("WE-24", "WE-26", "WE-22", "WS-01", "WB-01")
async def test_each_refusal_has_the_code_of_the_standard(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", "unix:uid:4242"))
    token = pb.JWTSVIDRequest(audience=["db"]).SerializeToString()
    checked = pb.ValidateJWTSVIDRequest(audience="db", svid="a.b.c").SerializeToString()
    requests = {"FetchJWTSVID": token, "ValidateJWTSVID": checked}
    async with served.serving():
        for method in METHODS[:5]:
            found = await code_of(served, method, HEADER, request=requests.get(method, b""))
            assert found is Code.PERMISSION_DENIED, method
        for method in [*METHODS[5:], "FetchSomethingElse"]:
            assert await code_of(served, method, HEADER) is Code.UNIMPLEMENTED, method
        served.ready = False
        for method in METHODS:
            assert await code_of(served, method, HEADER) is Code.UNAVAILABLE, method
        assert await code_of(served, METHODS[0]) is Code.INVALID_ARGUMENT


async def test_bytes_that_are_no_request_are_refused(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME))
    async with served.serving():
        for method in METHODS[:5]:
            found = await code_of(served, method, HEADER, request=b"\xff\xff")
            assert found is Code.INVALID_ARGUMENT, method


async def test_requests_that_are_too_large_cost_their_own_call_only(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME))
    endless = pb.JWTSVIDRequest(audience=["x" * (8 << 20)]).SerializeToString()
    many = pb.JWTSVIDRequest(audience=map(str, range(100_000))).SerializeToString()
    async with served.serving():
        assert await code_of(served, "FetchJWTSVID", HEADER, request=endless) is not Code.OK
        assert await code_of(served, "FetchJWTSVID", HEADER, request=many) is Code.INVALID_ARGUMENT
        huge = ("x-huge", "x" * (1 << 20))
        assert await code_of(served, "FetchX509SVID", HEADER, huge) is not Code.OK
        assert (await served.client.fetch(X509_CONTEXT)).default.spiffe_id.path == "/web"


@pytest.mark.rows("XS-13", "XS-16", "XS-19", "XS-20", "WE-25", "WC-06")
async def test_a_watcher_follows_rotations_and_entries_on_one_stream(tmp_path: Path) -> None:
    web, api = entry("/web", ME), entry("/api", ME)
    served = ServedWorkloadApi(tmp_path, web)
    async with served.serving() as listener, aclosing(served.client.watch(X509_CONTEXT)) as states:
        serials = set()
        for _ in range(4):
            context = (await anext(states)).material
            assert context is not None
            serials.add(context.default.serial)
            served.clock.advance(HALF)
        assert len(serials) == 4
        await anext(states)
        served.authority.set_entries(web, api)
        context = (await anext(states)).material
        assert context is not None
        assert [each.svid.spiffe_id.path for each in context.svids] == ["/web", "/api"]
        assert listener.connections.total == 1
        served.authority.set_entries()
        refused = await anext(states)
        assert refused.material is None
        assert "PERMISSION_DENIED" in refused.problem
        served.authority.set_entries(api)
        context = (await anext(states)).material
        assert context is not None
        assert context.default.spiffe_id.path == "/api"


@pytest.mark.rows("WC-07", "WC-08")
async def test_a_watcher_survives_a_restart_and_the_agent_forgets_it(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME))
    async with aclosing(served.client.watch(X509_CONTEXT)) as states:
        async with served.serving():
            first = await anext(states)
        broken = await anext(states)
        assert broken.material is first.material
        assert "UNAVAILABLE" in broken.problem
        async with served.serving() as listener:
            again = await anext(states)
            assert not again.problem
            await states.aclose()
            while listener.connections.total:
                await quiet()


async def test_a_finished_call_leaves_no_connection_behind(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME))
    async with served.serving() as listener:
        await served.client.fetch(X509_CONTEXT)
        await served.client.tokens(["db"])
        async with aclosing(served.client.watch(X509_CONTEXT)) as states:
            await anext(states)
        async with asyncio.timeout(30):
            while listener.connections.total:
                await quiet()


async def test_errors_reach_a_client_as_their_own_kinds(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME))
    async with served.serving():
        with pytest.raises(RequestError, match=r"INVALID_ARGUMENT: audience must be set"):
            await served.client.tokens([])
        with pytest.raises(RequestError, match="INVALID_ARGUMENT: not a valid JWT-SVID"):
            await served.client.validate("a.b.c", "db")
        other = SpiffeId.parse("spiffe://prod.example/other")
        with pytest.raises(NotEntitledError, match="PERMISSION_DENIED: the caller is not entitled"):
            await served.client.tokens(["db"], other)
        served.authority.down = True
        with pytest.raises(UnavailableError, match="UNAVAILABLE: the fake authority is down"):
            await served.client.tokens(["another"])


async def test_a_profile_that_is_off_is_unimplemented_over_the_socket(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME), jwt_profile=False)
    async with served.serving():
        with pytest.raises(UnimplementedError, match="this profile is not offered here"):
            await served.client.fetch(JWT_BUNDLES)
        await served.client.fetch(X509_BUNDLES)


@pytest.mark.rows("XS-04", "XS-07")
async def test_openssl_verifies_what_was_sent_to_the_bundle_beside_it(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", ME, federates_with=("partner.example",)))
    served.authority.set_bundle(PARTNER.bundle())
    async with served.serving():
        context = await served.client.fetch(X509_CONTEXT)
    own = context.bundles.bundles[served.authority.trust_domain]
    partner = context.bundles.bundles[PARTNER.trust_domain]
    chain, now = context.default.chain, served.clock.now()
    assert openssl.verifies(chain, own.x509_authorities, now)
    assert openssl.verifies(chain, own.x509_authorities, now, purpose="sslserver")
    assert not openssl.verifies(chain, partner.x509_authorities, now)


@pytest.mark.rows("WE-21")
async def test_nothing_a_caller_says_of_itself_counts(tmp_path: Path) -> None:
    served = ServedWorkloadApi(tmp_path, entry("/web", "unix:uid:4242"))
    claims = [("x-uid", "4242"), ("uid", "4242"), ("x-forwarded-for", "unix:uid:4242")]
    async with served.serving():
        found = await code_of(served, "FetchX509SVID", HEADER, *claims)
    assert found is Code.PERMISSION_DENIED
    assert os.geteuid() != 4242
