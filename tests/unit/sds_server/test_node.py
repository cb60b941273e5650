from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from accredit.sds_server.node import Node, read_node
from accredit.sds_server.proto import core_pb2


def node(**metadata: Any) -> Node:
    struct = Struct()
    struct.update(metadata)
    return read_node(core_pb2.Node(metadata=struct))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("1", True),
        ("T", True),
        ("false", False),
        ("0", False),
        ("F", False),
        ("yes", None),
        ("", None),
        (1, None),
        (None, None),
        ({"a": 1}, None),
        ([True], None),
    ],
)
def test_plain_validation_is_read_from_a_boolean_or_its_text(
    *, value: object, plain: bool | None
) -> None:
    assert node(disable_spiffe_cert_validation=value).plain_validation is plain


def test_without_metadata_there_are_no_wishes() -> None:
    assert read_node(core_pb2.Node()) == Node()


@pytest.mark.parametrize(("value", "hint"), [("internal", "internal"), (7, ""), (None, "")])
def test_a_hint_is_a_text(value: object, hint: str) -> None:
    assert node(**{"accredit.hint": value}).hint == hint


@pytest.mark.parametrize(
    ("value", "found"), [("spiffe://a/b", "spiffe://a/b"), (7, ""), (None, "")]
)
def test_a_spiffe_id_is_a_text(value: object, found: str) -> None:
    assert node(**{"accredit.spiffe_id": value}).spiffe_id == found


def test_a_spiffe_id_is_not_cut_to_another() -> None:
    assert len(node(**{"accredit.spiffe_id": "s" * 2048}).spiffe_id) == 2048
    assert len(node(**{"accredit.spiffe_id": "s" * 5000}).spiffe_id) == 2049


def test_the_agent_is_told_by_its_build_or_by_its_text() -> None:
    version = core_pb2.SemanticVersion(major_number=1, minor_number=40, patch=2)
    built = core_pb2.Node(
        user_agent_name="envoy", user_agent_build_version=core_pb2.BuildVersion(version=version)
    )
    assert read_node(built).agent == "envoy/1.40.2"
    text = core_pb2.Node(user_agent_name="grpc-go", user_agent_version="1.64")
    assert read_node(text).agent == "grpc-go/1.64"
    assert read_node(core_pb2.Node(user_agent_name="curl")).agent == "curl"


def test_what_is_kept_is_short() -> None:
    found = read_node(core_pb2.Node(id="i" * 5000, cluster="c" * 5000, user_agent_name="a" * 5000))
    assert {len(text) for text in (found.node_id, found.cluster, found.agent)} == {256}
