from __future__ import annotations

import pytest
from support.ca import TestCa
from support.clock import EPOCH

from accredit.agent.sds_dialect import Question, begin
from accredit.identity.errors import ResponseError
from accredit.sds_server import secrets, wire
from accredit.sds_server.node import read_node
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.proto import tls_pb2

CA = TestCa("prod.example")
GOOD = secrets.certificate("default", CA.svid("spiffe://prod.example/api"), CA.bundle(), EPOCH)
EMPTY = wire.pack(tls_pb2.Secret(name="default", tls_certificate=tls_pb2.TlsCertificate()))
BAD, BAD_DELTA = wire.frame(EMPTY), wire.frame_delta("default", "v", EMPTY)
WORLD, DELTA = Question(("default", "ROOTCA"), "me"), Question(("default", "x"), "me", delta=True)


def asked(data: bytes) -> pb.DiscoveryRequest:
    return pb.DiscoveryRequest.FromString(data)


def asked_delta(data: bytes) -> pb.DeltaDiscoveryRequest:
    return pb.DeltaDiscoveryRequest.FromString(data)


def test_the_first_request_says_who_asks_for_what_and_every_one_names_it_all() -> None:
    talk = begin(WORLD)
    first = asked(talk.first())
    assert (first.type_url, first.version_info, first.response_nonce) == (wire.SECRET_TYPE, "", "")
    node = read_node(first.node)
    assert (node.node_id, node.agent) == ("me", "accredit/1.18.0")
    update, answer = talk.hear(wire.response("v1", "n1", [GOOD.framed]))
    assert [(each.name, each.version) for each in update.secrets] == [("default", "v1")]
    second = asked(answer)
    assert list(first.resource_names) == list(second.resource_names) == ["default", "ROOTCA"]
    assert (second.version_info, second.response_nonce) == ("v1", "n1")
    assert not second.HasField("node")
    assert not second.HasField("error_detail")


def test_what_cannot_be_read_is_refused_and_the_version_before_stays() -> None:
    talk = begin(WORLD)
    talk.hear(wire.response("v1", "n1", [GOOD.framed]))
    update, answer = talk.hear(wire.response("v2", "n2", [GOOD.framed, BAD]))
    assert update.secrets == ()
    assert "secret 'default': certificates" in update.problem
    refusal = asked(answer)
    assert (refusal.version_info, refusal.response_nonce) == ("v1", "n2")
    assert (refusal.error_detail.code, refusal.error_detail.message) == (3, update.problem)


def test_delta_names_its_wishes_once_and_hears_what_will_never_come() -> None:
    talk = begin(DELTA)
    assert list(asked_delta(talk.first()).resource_names_subscribe) == ["default", "x"]
    update, answer = talk.hear(wire.delta_response("all", "n1", [GOOD.framed_delta], ["x"]))
    assert [(each.name, each.version) for each in update.secrets] == [("default", GOOD.version)]
    assert update.removed == ("x",)
    accepted = asked_delta(answer)
    assert list(accepted.resource_names_subscribe) == []
    assert accepted.response_nonce == "n1"
    assert not accepted.HasField("error_detail")


def test_delta_refuses_a_message_whole() -> None:
    update, answer = begin(DELTA).hear(wire.delta_response("all", "n1", [BAD_DELTA], ["x"]))
    assert (update.secrets, update.removed) == ((), ())
    refusal = asked_delta(answer)
    assert refusal.response_nonce == "n1"
    assert refusal.error_detail.message == update.problem != ""


@pytest.mark.parametrize("question", [WORLD, DELTA])
def test_a_message_about_something_else_is_refused(question: Question) -> None:
    # Both kinds of response have the type and the nonce in the same fields.
    other = pb.DiscoveryResponse(type_url="type/Cluster", nonce="n1")
    update, answer = begin(question).hear(other.SerializeToString())
    assert update.problem == "the server sent 'type/Cluster' instead of secrets"
    refusal = asked_delta(answer) if question.delta else asked(answer)
    assert (refusal.response_nonce, refusal.error_detail.message) == ("n1", update.problem)


@pytest.mark.parametrize("question", [WORLD, DELTA])
def test_what_is_no_message_at_all_cannot_even_be_refused(question: Question) -> None:
    with pytest.raises(ResponseError, match="the server sent what cannot be decoded"):
        begin(question).hear(b"\xff\xff")
