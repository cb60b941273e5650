"""A client of any SDS server, which asks as an Envoy would and accepts whatever comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from accredit.agent.sds_reading import ReceivedSecret, read_secret
from accredit.identity.errors import (
    AccreditError,
    NotEntitledError,
    RequestError,
    UnavailableError,
    UnimplementedError,
)
from accredit.sds_server.proto import core_pb2
from accredit.sds_server.proto import discovery_pb2 as pb
from accredit.sds_server.wire import SECRET_TYPE
from accredit.workload_api.endpoint import Endpoint, UnixEndpoint

_SERVICE = "/envoy.service.secret.v3.SecretDiscoveryService/"
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),  # the endpoint is local
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)
_ERRORS: dict[grpc.StatusCode, type[AccreditError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: RequestError,
    grpc.StatusCode.PERMISSION_DENIED: NotEntitledError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
}
_ENDED = "SDS at {}: the server has ended the stream"
_Call = grpc.aio.StreamStreamCall[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Update:
    """One message: what came, and what the server says will never come."""

    secrets: tuple[ReceivedSecret, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateOfTheWorld:
    """Asks by StreamSecrets."""

    names: tuple[str, ...]
    node: core_pb2.Node
    method: str = "StreamSecrets"

    def first(self) -> bytes:
        """Return the first request."""
        return pb.DiscoveryRequest(
            resource_names=self.names, type_url=SECRET_TYPE, node=self.node
        ).SerializeToString()

    def read(self, data: bytes) -> tuple[Update, bytes]:
        """Return what a message says, and its acknowledgement."""
        message = pb.DiscoveryResponse.FromString(data)
        acknowledgement = pb.DiscoveryRequest(
            resource_names=self.names,
            type_url=SECRET_TYPE,
            version_info=message.version_info,
            response_nonce=message.nonce,
        )
        version = message.version_info
        secrets = tuple(read_secret(each, version) for each in message.resources)
        return Update(secrets), acknowledgement.SerializeToString()


@dataclass(frozen=True, slots=True)
class Delta:
    """Asks by DeltaSecrets."""

    names: tuple[str, ...]
    node: core_pb2.Node
    method: str = "DeltaSecrets"

    def first(self) -> bytes:
        """Return the first request."""
        return pb.DeltaDiscoveryRequest(
            resource_names_subscribe=self.names, type_url=SECRET_TYPE, node=self.node
        ).SerializeToString()

    def read(self, data: bytes) -> tuple[Update, bytes]:
        """Return what a message says, and its acknowledgement."""
        message = pb.DeltaDiscoveryResponse.FromString(data)
        acknowledgement = pb.DeltaDiscoveryRequest(
            type_url=SECRET_TYPE, response_nonce=message.nonce
        )
        secrets = tuple(read_secret(each.resource, each.version) for each in message.resources)
        update = Update(secrets, tuple(message.removed_resources))
        return update, acknowledgement.SerializeToString()


async def updates(
    endpoint: Endpoint, names: Sequence[str], node_id: str, *, delta: bool
) -> AsyncGenerator[Update, None]:
    """Yield each message of one stream that asks for ``names``; for everything if there are none.

    Raises:
        RequestError, NotEntitledError, UnimplementedError: what the server answered.
        UnavailableError: any other end, a friendly one too: these streams are meant to last.
    """
    node = core_pb2.Node(id=node_id, cluster="accredit", user_agent_name="accredit")
    dialect = (Delta if delta else StateOfTheWorld)(tuple(names), node)
    async with grpc.aio.insecure_channel(_target(endpoint), options=_OPTIONS) as channel:
        start: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        start = channel.stream_stream(_SERVICE + dialect.method)
        call = start()
        try:
            await _write(call, dialect.first())
            while isinstance(message := await call.read(), bytes):
                update, acknowledgement = dialect.read(message)
                yield update
                await _write(call, acknowledgement)
        except DecodeError:
            raise UnavailableError(f"SDS at {endpoint}: what came is no message of SDS") from None
        except grpc.aio.AioRpcError as error:
            raise _translate(error, endpoint) from None
        finally:
            call.cancel()
    raise UnavailableError(_ENDED.format(endpoint))


def _translate(error: grpc.aio.AioRpcError, endpoint: Endpoint) -> AccreditError:
    code, details = error.code(), error.details() or "no details"
    # What grpcio says of an acknowledgement that met the end of the stream.
    if code is grpc.StatusCode.INTERNAL and details == "Internal error from Core":
        return UnavailableError(_ENDED.format(endpoint))
    kind = _ERRORS.get(code, UnavailableError)
    return kind(f"SDS at {endpoint}: {code.name}: {details}")


async def _write(call: _Call, request: bytes) -> None:
    # A call that has ended refuses to be written to; reading then tells why it ended.
    with suppress(grpc.aio.AioRpcError, grpc.aio.UsageError):
        await call.write(request)


def _target(endpoint: Endpoint) -> str:
    if isinstance(endpoint, UnixEndpoint):
        return "unix:" + quote(endpoint.path)
    return f"ipv{endpoint.host.version}:{quote(endpoint.authority, safe=':[]')}"
