from __future__ import annotations

from google.protobuf.any_pb2 import Any

from accredit.sds_server import wire
from accredit.sds_server.proto import discovery_pb2 as pb

RESOURCES = [Any(type_url=wire.SECRET_TYPE, value=bytes([n]) * 300) for n in range(3)]


def test_joined_pieces_are_one_response() -> None:
    data = wire.response("v", "n", [wire.frame(each) for each in RESOURCES])
    assert pb.DiscoveryResponse.FromString(data) == pb.DiscoveryResponse(
        version_info="v", nonce="n", type_url=wire.SECRET_TYPE, resources=RESOURCES
    )


def test_joined_pieces_are_one_delta_response() -> None:
    framed = [wire.frame_delta(str(n), f"v{n}", each) for n, each in enumerate(RESOURCES)]
    data = wire.delta_response("v", "n", framed, ["x", "y"])
    assert pb.DeltaDiscoveryResponse.FromString(data) == pb.DeltaDiscoveryResponse(
        system_version_info="v",
        nonce="n",
        type_url=wire.SECRET_TYPE,
        removed_resources=["x", "y"],
        resources=[
            pb.Resource(name=str(n), version=f"v{n}", resource=each)
            for n, each in enumerate(RESOURCES)
        ],
    )


def test_a_version_depends_on_the_content_only() -> None:
    assert wire.content_version(b"a") == wire.content_version(b"a") == "ca978112ca1bbdca"
    assert wire.content_version(b"b") != wire.content_version(b"a")


def test_a_joint_version_depends_on_names_and_versions_in_any_order() -> None:
    joint = wire.joint_version([("a", "1"), ("b", "2")])
    assert joint == wire.joint_version([("b", "2"), ("a", "1")])
    assert joint != wire.joint_version([("a", "2"), ("b", "1")])
    assert wire.joint_version([("a", "1")]) == "1"
    assert wire.joint_version([]) != ""
