"""Nothing a caller says of itself makes it another."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from support.agent_process import AgentProcess
from support.hostile import asking
from support.hostile.agent import open_to_all
from support.hostile.asking import HEADER, RefusedError, SecretStream
from support.hostile.channel import channel
from support.hostile.puppet import connected

from accredit.sds_server.proto import core_pb2
from accredit.workload_api.proto import workload_pb2

_ME = os.geteuid()
_OTHER = 54321
_STRANGER = 54322
_MINE = "spiffe://prod.example/mine"
_THEIRS = "spiffe://prod.example/theirs"
_ENTRIES = f"""\
trust_domain: prod.example
entries:
  - {{id: /mine, selectors: ["unix:uid:{_ME}"], hint: mine}}
  - {{id: /theirs, selectors: ["unix:uid:{_OTHER}"], hint: theirs}}
"""
_FORGED_METADATA = [
    (("spiffe-id", _MINE), ("x-spiffe-id", _MINE), ("spiffe_id", _MINE)),
    (("pid", "1"), ("uid", str(_ME)), ("gid", "0"), ("user", "root"), ("selectors", "unix:uid:0")),
    (("x-forwarded-client-cert", f"URI={_MINE}"), ("x-forwarded-for", "127.0.0.1")),
    (("authorization", f"Bearer {_MINE}"), ("x-real-pid", "1"), ("accredit.hint", "mine")),
    (("pid-bin", b"\0\0\0\1"), ("spiffe-id-bin", _MINE.encode())),
]
_FORGED_NODES = [
    core_pb2.Node(id=_MINE, cluster=_MINE),
    core_pb2.Node(id=f"sidecar~127.0.0.1~{_MINE}", cluster="mine", user_agent_name=_MINE),
]
_WISH = core_pb2.Node(id=_MINE)
_WISH.metadata.update({"accredit.hint": "mine", "spiffe_id": _MINE, "uid": _ME, "pid": 1})
_FORGED_NODES.append(_WISH)

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with open_to_all(_ENTRIES) as running:
        yield running


@pytest.mark.rows("WE-19", "WE-20", "WE-21")
@pytest.mark.parametrize("forged", _FORGED_METADATA)
def test_what_a_caller_says_in_metadata_does_not_make_it_another(
    agent: AgentProcess, forged: asking.Metadata
) -> None:
    with connected(agent.socket, _OTHER) as (_, sock), channel(sock, authority=_MINE) as speaking:
        assert asking.x509(speaking, metadata=(*HEADER, *forged)) == [_THEIRS]
    with (
        connected(agent.socket, _STRANGER) as (_, sock),
        channel(sock, authority=_MINE) as speaking,
        pytest.raises(RefusedError, match="PERMISSION_DENIED: no registration entry"),
    ):
        asking.x509(speaking, metadata=(*HEADER, *forged))


@pytest.mark.rows("WE-20", "WE-21")
@pytest.mark.parametrize("node", _FORGED_NODES, ids=["id", "cluster", "metadata"])
def test_what_an_envoy_says_of_its_node_does_not_make_it_another(
    agent: AgentProcess, node: core_pb2.Node
) -> None:
    wanted = (_MINE, "hint:mine", _THEIRS, "hint:theirs")
    with connected(agent.socket, _OTHER) as (_, sock), channel(sock) as speaking:
        own = {_THEIRS: _THEIRS, "hint:theirs": _THEIRS}
        assert asking.fetch(speaking, *wanted, node=node) == own
        assert SecretStream(speaking, *wanted, node=node).hear() == own
        everything = SecretStream(speaking, node=node).hear()
        assert everything == {_THEIRS: _THEIRS, "spiffe://prod.example": ""}


@pytest.mark.rows("WE-21")
@pytest.mark.parametrize("node", _FORGED_NODES, ids=["id", "cluster", "metadata"])
def test_an_envoy_without_an_entry_hears_nothing_whatever_it_says(
    agent: AgentProcess, node: core_pb2.Node
) -> None:
    wanted = (_MINE, _THEIRS, "default", "hint:mine", "ROOTCA", "ALL", "spiffe://prod.example")
    with connected(agent.socket, _STRANGER) as (_, sock), channel(sock) as speaking:
        with pytest.raises(RefusedError, match="PERMISSION_DENIED: "):
            asking.fetch(speaking, *wanted, node=node)
        with pytest.raises(RefusedError, match="DEADLINE_EXCEEDED: "):
            SecretStream(speaking, *wanted, node=node, seconds=1).hear()


def test_a_hint_of_somebody_else_chooses_nothing(agent: AgentProcess) -> None:
    with connected(agent.socket, _OTHER) as (_, sock), channel(sock) as speaking:
        with pytest.raises(RefusedError, match="PERMISSION_DENIED: "):
            asking.fetch(speaking, "default", node=_WISH)
        assert asking.fetch(speaking, "default") == {"default": _THEIRS}


@pytest.mark.rows("WE-21")
def test_a_token_of_somebody_elses_identity_is_refused(agent: AgentProcess) -> None:
    request = workload_pb2.JWTSVIDRequest(audience=["a"], spiffe_id=_MINE).SerializeToString()
    with connected(agent.socket, _OTHER) as (_, sock), channel(sock) as speaking:
        with pytest.raises(RefusedError, match="PERMISSION_DENIED: "):
            asking.first(speaking, "FetchJWTSVID", request)
        own = workload_pb2.JWTSVIDRequest(audience=["a"], spiffe_id=_THEIRS).SerializeToString()
        answer = workload_pb2.JWTSVIDResponse.FromString(
            asking.first(speaking, "FetchJWTSVID", own)
        )
        assert [svid.spiffe_id for svid in answer.svids] == [_THEIRS]
