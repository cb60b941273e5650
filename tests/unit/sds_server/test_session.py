from __future__ import annotations

from support.ca import TestCa
from support.clock import FakeClock
from support.entries import entry
from support.sds_playbook import peer
from support.snapshots import snapshot
from support.tokens import no_tokens

from accredit.sds_server.node import Node
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.requests import Request
from accredit.sds_server.session import Session
from accredit.sds_server.settings import SdsSettings
from accredit.sds_server.stream_state import StreamState
from accredit.sds_server.subscription import Subscription

CA = TestCa("prod.example")
STATE = snapshot(CA, entry("/api", hint="internal"), entry("/web", hint="public", order=1))


def session() -> Session[Request]:
    envoy = peer()
    machine = Subscription(StreamState(envoy, 10))
    return Session(envoy, machine, SdsSettings(), FakeClock(), no_tokens())


def test_before_the_first_request_there_is_nothing_to_say() -> None:
    assert session().message(STATE) is None


def test_the_node_of_the_first_request_is_remembered() -> None:
    stream = session()
    stream.receive(Request(("ROOTCA",), node=Node("n", hint="public")))
    assert stream.message(STATE) is not None
    stream.receive(Request(("ROOTCA", "default"), nonce="1"))
    message = stream.message(STATE)
    assert message is not None
    (resource,) = pb.DiscoveryResponse.FromString(message).resources
    assert STATE.identities[1].svid.chain_pem in resource.value


def test_closing_gives_the_names_back() -> None:
    stream = session()
    stream.receive(Request(("ROOTCA",)))
    assert stream.peer.describe()["secrets"] != []
    stream.close()
    assert stream.peer.describe()["secrets"] == []
