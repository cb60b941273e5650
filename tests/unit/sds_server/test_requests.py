from __future__ import annotations

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.errors import RequestError
from accredit.sds_server.node import Node
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.requests import Decoder, DeltaRequest, Request
from accredit.sds_server.settings import SdsSettings
from accredit.sds_server.wire import SECRET_TYPE

DECODER = Decoder(SdsSettings(max_names=3, max_name_bytes=10))


def request(**fields: object) -> Request:
    return DECODER.request(pb.DiscoveryRequest(**fields).SerializeToString())  # type: ignore[arg-type]


def delta(**fields: object) -> DeltaRequest:
    return DECODER.delta_request(pb.DeltaDiscoveryRequest(**fields).SerializeToString())  # type: ignore[arg-type]


def test_a_request_is_read() -> None:
    assert request(
        version_info="1",
        node={"id": "n", "cluster": "c"},
        resource_names=["b", "a"],
        type_url=SECRET_TYPE,
        response_nonce="7",
        error_detail={"code": 13, "message": "bad"},
    ) == Request(("b", "a"), "1", "7", "bad", Node("n", "c"))


def test_a_delta_request_is_read() -> None:
    assert delta(
        node={"id": "n"},
        resource_names_subscribe=["a"],
        resource_names_unsubscribe=["b"],
        initial_resource_versions={"a": "1"},
        response_nonce="7",
        error_detail={"code": 13, "message": "bad"},
    ) == DeltaRequest(("a",), ("b",), {"a": "1"}, "7", "bad", Node("n"))


def test_what_is_not_there_is_none() -> None:
    assert request() == Request()
    assert delta() == DeltaRequest()


def test_an_error_without_words_is_an_error_all_the_same() -> None:
    assert request(error_detail={}).error == "code 0"
    assert delta(error_detail={"code": 3}).error == "code 3"


def test_what_envoy_says_of_a_refusal_is_sanitised() -> None:
    error = {"code": 13, "message": "bad: -----BEGIN PRIVATE KEY-----\nMIGH"}
    assert request(error_detail=error).error == "bad: [removed]"
    assert delta(error_detail=error).error == "bad: [removed]"


def test_names_are_taken_once_and_empty_ones_not_at_all() -> None:
    assert request(resource_names=["", "a", "b", "a", ""]).names == ("a", "b")


@pytest.mark.parametrize("kind", ["request", "delta"])
def test_another_type_of_resource_is_refused(kind: str) -> None:
    read = request if kind == "request" else delta
    with pytest.raises(RequestError, match=r"type_url 'type.googleapis.com/x' is not served here"):
        read(type_url="type.googleapis.com/x")


@pytest.mark.parametrize(
    "field", ["resource_names_subscribe", "resource_names_unsubscribe", "initial_resource_versions"]
)
def test_a_delta_requests_names_are_bounded(field: str) -> None:
    many: list[str] | dict[str, str] = ["a", "b", "c", "d"]
    long: list[str] | dict[str, str] = ["x" * 11]
    if field == "initial_resource_versions":
        many, long = dict.fromkeys(many, "1"), dict.fromkeys(long, "1")
    with pytest.raises(RequestError, match="more than 3 resource names"):
        delta(**{field: many})
    with pytest.raises(RequestError, match="a resource name is longer than 10 bytes"):
        delta(**{field: long})


def test_a_requests_names_are_bounded() -> None:
    assert len(request(resource_names=["a", "b", "c", "a", "a"]).names) == 3
    with pytest.raises(RequestError, match="more than 3 resource names"):
        request(resource_names=["a", "b", "c", "d"])
    with pytest.raises(RequestError, match="a resource name is longer than 10 bytes"):
        request(resource_names=["é" * 6])


def test_versions_and_nonces_are_bounded() -> None:
    assert len(request(version_info="1" * 10_000).version) == 256
    assert len(delta(initial_resource_versions={"a": "1" * 10_000}).versions["a"]) == 256
    with pytest.raises(RequestError, match="the nonce is not one of ours"):
        request(response_nonce="1" * 65)


def test_envoys_own_first_request_is_read_quickly_and_leaves_nothing_behind() -> None:
    # Field 9 of the node, which we do not declare, holds hundreds of extensions.
    extension = b"\x0a\x40" + b"e" * 64
    node = b"\x0a\x01n" + b"\x4a\x42" + extension
    many = node + (b"\x4a\x42" + extension) * 900
    size = len(many)
    head = b"\x12" + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
    assert DECODER.request(head + many) == Request(node=Node("n"))


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05abc", b"\x1a\x02\xff\xfe"])
def test_broken_bytes_are_refused(data: bytes) -> None:
    for read in (DECODER.request, DECODER.delta_request):
        with pytest.raises(RequestError, match=r"not a discovery request|type_url"):
            read(data)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_decoder(data: bytes) -> None:
    for read in (DECODER.request, DECODER.delta_request):
        try:
            read(data)
        except RequestError:
            continue


def _mutated(message: Message, position: int, byte: int) -> bytes:
    data = bytearray(message.SerializeToString())
    data[position % len(data)] = byte
    return bytes(data)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_no_damaged_request_crashes_the_decoder(position: int, byte: int) -> None:
    node = {"id": "n", "metadata": {"accredit.hint": "x", "a": {"b": [1, None, True]}}}
    error = {"code": 13, "message": "no"}
    whole = pb.DiscoveryRequest(node=node, resource_names=["a"], error_detail=error)  # type: ignore[arg-type]
    parts = pb.DeltaDiscoveryRequest(
        node=node,  # type: ignore[arg-type]
        resource_names_subscribe=["a"],
        initial_resource_versions={"a": "1"},
        error_detail=error,  # type: ignore[arg-type]
    )
    for read, message in ((DECODER.request, whole), (DECODER.delta_request, parts)):
        try:
            read(_mutated(message, position, byte))
        except RequestError:
            continue
