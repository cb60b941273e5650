"""The two ways to ask for secrets, with ACK and NACK, as messages in and messages out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from accredit.agent.sds_reading import ReceivedSecret, read_secret
from accredit.identity.errors import ResponseError
from accredit.sds_server.proto import core_pb2, status_pb2
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.wire import SECRET_TYPE

_INVALID_ARGUMENT = 3


@dataclass(frozen=True, slots=True)
class Update:
    """One message. With a ``problem`` it was refused whole, and what came before still counts."""

    secrets: tuple[ReceivedSecret, ...] = ()
    removed: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask for and how; without ``names``: for all the server has for this process."""

    names: tuple[str, ...]
    node_id: str
    delta: bool = False


class Dialect(Protocol):
    """One stream's side of the conversation."""

    @property
    def method(self) -> str:
        """The name of the RPC."""
        ...

    def first(self) -> bytes:
        """Return the request that opens the stream."""
        ...

    def hear(self, data: bytes) -> tuple[Update, bytes]:
        """Return what a message says, and the request that accepts or refuses it.

        Raises:
            ResponseError: it is no message of this method, so there is no way to refuse it.
        """
        ...


def begin(question: Question) -> Dialect:
    """Return a conversation in which nothing has been said."""
    kind = _Delta if question.delta else _StateOfTheWorld
    return kind(question.names, _node(question.node_id))


def _node(node_id: str) -> core_pb2.Node:
    node = core_pb2.Node(id=node_id, cluster="accredit", user_agent_name="accredit")
    # Below 1.18 there is no SPIFFE validator, and SPIRE would not send one.
    version = node.user_agent_build_version.version
    version.major_number, version.minor_number = 1, 18
    return node


class _StateOfTheWorld:
    method = "StreamSecrets"

    def __init__(self, names: tuple[str, ...], node: core_pb2.Node) -> None:
        self._names = names
        self._node = node
        self._accepted = ""

    def first(self) -> bytes:
        request = self._request()
        request.node.CopyFrom(self._node)
        return request.SerializeToString()

    def hear(self, data: bytes) -> tuple[Update, bytes]:
        try:
            message = pb.DiscoveryResponse.FromString(data)
        except DecodeError:
            raise _no_message(self.method) from None
        version = message.version_info
        update = _read(message.type_url, [(each, version) for each in message.resources])
        if not update.problem:
            self._accepted = version
        request = self._request()
        request.response_nonce = message.nonce
        if update.problem:
            request.error_detail.CopyFrom(_refusal(update))
        return update, request.SerializeToString()

    def _request(self) -> pb.DiscoveryRequest:
        return pb.DiscoveryRequest(
            resource_names=self._names, type_url=SECRET_TYPE, version_info=self._accepted
        )


class _Delta:
    method = "DeltaSecrets"

    def __init__(self, names: tuple[str, ...], node: core_pb2.Node) -> None:
        self._names = names
        self._node = node

    def first(self) -> bytes:
        return pb.DeltaDiscoveryRequest(
            resource_names_subscribe=self._names, type_url=SECRET_TYPE, node=self._node
        ).SerializeToString()

    def hear(self, data: bytes) -> tuple[Update, bytes]:
        try:
            message = pb.DeltaDiscoveryResponse.FromString(data)
        except DecodeError:
            raise _no_message(self.method) from None
        resources = [(each.resource, each.version) for each in message.resources]
        update = _read(message.type_url, resources)
        request = pb.DeltaDiscoveryRequest(type_url=SECRET_TYPE, response_nonce=message.nonce)
        if update.problem:
            request.error_detail.CopyFrom(_refusal(update))
        else:
            update = replace(update, removed=tuple(message.removed_resources))
        return update, request.SerializeToString()


def _read(type_url: str, resources: Sequence[tuple[Any, str]]) -> Update:
    if type_url != SECRET_TYPE:
        return Update(problem=f"the server sent {type_url[:200]!r} instead of secrets")
    try:
        return Update(tuple(read_secret(resource, version) for resource, version in resources))
    except ResponseError as error:
        return Update(problem=f"the server sent {error}")


def _refusal(update: Update) -> status_pb2.Status:
    return status_pb2.Status(code=_INVALID_ARGUMENT, message=update.problem)


def _no_message(method: str) -> ResponseError:
    return ResponseError(f"{method}: the server sent what cannot be decoded")
