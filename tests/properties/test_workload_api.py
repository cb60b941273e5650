"""Whatever is sent to the Workload API, it answers or refuses, and never fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.entries import entry
from support.token import Token, part
from support.workload_api import HEADER, WorkloadApiBench

from accredit.identity.errors import AccreditError, RequestError
from accredit.rotation.delivery import Call
from accredit.workload_api.proto import workload_pb2 as pb

_REFUSALS = {"INVALID_ARGUMENT", "PERMISSION_DENIED", "UNIMPLEMENTED", "UNAVAILABLE"}
_METHODS = [method.name for method in WorkloadApiBench().service.methods]


async def _status(
    bench: WorkloadApiBench, method: str, data: bytes, metadata: Mapping[str, tuple[str, ...]]
) -> str:
    """Return how one call begins: OK, or the status of its refusal."""
    found = next(each for each in bench.service.methods if each.name == method)

    async def requests() -> AsyncIterator[Any]:
        yield found.decode(data)

    try:
        async for answer in found.handler(requests(), Call(bench.web, metadata)):
            return "OK" if answer else "EMPTY"
    except AccreditError as error:
        str(error).encode()
        return error.status
    except DecodeError:
        return "INVALID_ARGUMENT"
    return "SILENT"


def _run(method: str, data: bytes, metadata: Mapping[str, tuple[str, ...]] = HEADER) -> str:
    async def once() -> str:
        return await _status(WorkloadApiBench(entry("/web")), method, data, metadata)

    return asyncio.run(once())


@pytest.mark.parametrize("method", _METHODS)
@given(data=st.binary(max_size=200))
@settings(max_examples=50)
def test_any_bytes_are_a_request_or_refused(method: str, data: bytes) -> None:
    assert _run(method, data) in {"OK", *_REFUSALS}


@given(
    st.sampled_from(_METHODS),
    st.dictionaries(
        st.text() | st.just("workload.spiffe.io"),
        st.lists(st.text(max_size=9), max_size=3).map(tuple),
    ).filter(lambda found: found.get("workload.spiffe.io") != ("true",)),
)
def test_any_other_metadata_is_refused_as_such(
    method: str, metadata: dict[str, tuple[str, ...]]
) -> None:
    assert _run(method, b"", metadata) == RequestError.status


@given(
    st.lists(
        st.text(max_size=20) | st.text(min_size=1, max_size=1).map(lambda c: c * 5000), max_size=50
    ),
    st.text(max_size=30) | st.from_regex(r"spiffe://[a-z.]{1,9}(/[a-zA-Z._%-]{0,9}){0,4}"),
)
def test_any_request_for_tokens_is_answered_or_refused(audience: list[str], name: str) -> None:
    data = pb.JWTSVIDRequest(audience=audience, spiffe_id=name).SerializeToString()
    found = _run("FetchJWTSVID", data)
    assert found in {"OK", *_REFUSALS}
    if not all(audience) or not audience:
        assert found == "INVALID_ARGUMENT"


_PARTS = st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.just(b'{"alg":"ES256"}')


@given(
    st.text(max_size=99)
    | st.lists(_PARTS.map(part), min_size=3, max_size=3).map(".".join)
    | st.integers(1, 10_000).map(lambda depth: f"{part('[' * depth)}.{part('{' * depth)}.x"),
    st.text(max_size=9),
)
def test_no_token_of_a_strangers_making_is_good(token: str, audience: str) -> None:
    request = pb.ValidateJWTSVIDRequest(audience=audience, svid=token)
    assert _run("ValidateJWTSVID", request.SerializeToString()) == "INVALID_ARGUMENT"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_any_claims_that_the_own_key_signed_are_returned_or_refused(claims: dict[str, Any]) -> None:
    async def once() -> str:
        bench = WorkloadApiBench(entry("/web"))
        signer = bench.authority.signer
        token = Token(
            signer._jwt_key,
            header={"kid": signer.jwt_authority.key_id},
            claims={**claims, "sub": "spiffe://prod.example/web", "aud": ["db"]},
        )
        request = pb.ValidateJWTSVIDRequest(audience="db", svid=str(token))
        return await _status(bench, "ValidateJWTSVID", request.SerializeToString(), HEADER)

    assert asyncio.run(once()) in {"OK", "INVALID_ARGUMENT"}
