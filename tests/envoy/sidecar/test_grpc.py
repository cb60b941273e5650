"""gRPC through a pair of sidecars, with a real stub and a real service."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from support.sidecar import grpc_app, pair
from support.sidecar.world import FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Profile, Protocol

_SECONDS = 20


@pytest.fixture(scope="module", params=Profile, ids=lambda each: each.value)
def channel(world: World, request: pytest.FixtureRequest) -> Iterator[grpc.Channel]:
    profile: Profile = request.param
    with (
        grpc_app.serving() as port,
        pair.running(
            world,
            f"grpc-{profile.value}",
            Endpoint("127.0.0.1", port),
            protocol=Protocol.GRPC,
            profile=profile,
        ) as way,
        grpc.insecure_channel(str(way.front)) as channel,
    ):
        yield channel


def _call(channel: grpc.Channel, method: str, request: bytes, **how: Any) -> tuple[bytes, Any]:
    done: tuple[bytes, Any] = grpc_app.unary(channel, method).with_call(
        request, timeout=how.pop("timeout", _SECONDS), **how
    )
    return done


def test_a_unary_call_and_its_trailers(channel: grpc.Channel) -> None:
    for body in (b"", b"hello", bytes(3 * 1024 * 1024)):
        answer, call = _call(channel, "Echo", body)
        assert answer == body
        assert call.code() is grpc.StatusCode.OK
        assert grpc_app.TRAILER in [tuple(each) for each in call.trailing_metadata()]


def test_metadata_reaches_the_service_and_tells_who_calls(channel: grpc.Channel) -> None:
    sent = (("authorization", "Bearer x"), ("x-empty", ""), ("x-forwarded-client-cert", "URI=me"))
    answer, _ = _call(channel, "Metadata", b"", metadata=sent)
    seen = [(key, value) for key, value in json.loads(answer) if key != "deadline"]
    assert ("authorization", "Bearer x") in seen
    assert ("x-empty", "") in seen
    (certificate,) = (value for key, value in seen if key == "x-forwarded-client-cert")
    assert certificate.endswith(f";URI={FRONTEND}")


def test_a_deadline_reaches_the_service_and_ends_the_call(channel: grpc.Channel) -> None:
    answer, _ = _call(channel, "Metadata", b"", timeout=40)
    left = float(dict(json.loads(answer))["deadline"])
    assert 0 < left < 41
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, "Wait", b"", timeout=0.3)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_failure_keeps_its_code_its_words_and_its_trailers(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, "Fail", "stock is empty: 100 % \u2713".encode())
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == "stock is empty: 100 % \u2713"
    trailers = [tuple(each) for each in error.trailing_metadata()]
    assert grpc_app.TRAILER in trailers
    assert ("detail-bin", b"\x00\xff") in trailers


def test_an_unknown_method_is_the_services_own_answer(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        _call(channel, "Nothing", b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_both_sides_of_a_stream_speak_in_turn(channel: grpc.Channel) -> None:
    said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    answers = grpc_app.chat(channel)(iter(said.get, None), timeout=_SECONDS)
    for n in range(20):
        said.put(b"%d" % n)
        assert next(answers) == b"you said %d" % n
    said.put(None)
    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK


def test_a_caller_whose_sidecar_has_another_id_is_refused(world: World) -> None:
    with (
        grpc_app.serving() as port,
        pair.running(
            world,
            "grpc-refused",
            Endpoint("127.0.0.1", port),
            protocol=Protocol.GRPC,
            caller=INTRUDER,
        ) as way,
        grpc.insecure_channel(str(way.front)) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        _call(channel, "Echo", b"hello")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_that_is_not_there_is_unavailable(world: World) -> None:
    with (
        pair.running(world, "grpc-down", free_port(), protocol=Protocol.GRPC) as way,
        grpc.insecure_channel(str(way.front)) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        _call(channel, "Echo", b"hello")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
