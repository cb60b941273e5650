"""What an agent answers over a channel, by the certificates in the answers."""

from __future__ import annotations

import queue
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
from cryptography.x509 import load_pem_x509_certificate

from accredit.identity.x509_verify import check_leaf, split_der
from accredit.sds_server.proto import core_pb2, discovery_pb2, tls_pb2
from accredit.workload_api.proto import workload_pb2

HEADER = (("workload.spiffe.io", "true"),)
_API = "/SpiffeWorkloadAPI/"
_SDS = "/envoy.service.secret.v3.SecretDiscoveryService/"

Metadata = Sequence[tuple[str, str | bytes]]
Request = discovery_pb2.DiscoveryRequest
Response = discovery_pb2.DiscoveryResponse


class RefusedError(Exception):
    """How a call ended: ``CODE: details``."""


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        call: Any = error  # it is the call, too
        raise RefusedError(f"{call.code().name}: {call.details()}") from None


def first(
    channel: grpc.Channel,
    method: str,
    request: bytes = b"",
    *,
    metadata: Metadata = HEADER,
    seconds: float = 30,
) -> bytes:
    """Return the first answer to any method of the Workload API."""
    start: Any = channel.unary_stream(_API + method)
    call = start(request, metadata=tuple(metadata), timeout=seconds)
    with _refusals():
        answer: bytes = next(call)
    call.cancel()
    return answer


def x509(channel: grpc.Channel, metadata: Metadata = HEADER, seconds: float = 30) -> list[str]:
    """Return the SPIFFE IDs the caller is given X.509-SVIDs of."""
    return _ids(first(channel, "FetchX509SVID", metadata=metadata, seconds=seconds))


def watch(channel: grpc.Channel, seconds: float = 30) -> Generator[list[str], None, None]:
    """Yield the SPIFFE IDs of each answer of one stream."""
    start: Any = channel.unary_stream(f"{_API}FetchX509SVID")
    with _refusals():
        for answer in start(b"", metadata=HEADER, timeout=seconds):
            yield _ids(answer)


def fetch(channel: grpc.Channel, *names: str, node: core_pb2.Node | None = None) -> dict[str, str]:
    """Return what SDS gives under each name: the ID in a certificate, "" for roots."""
    request = Request(node=node, resource_names=names).SerializeToString()
    start: Any = channel.unary_unary(f"{_SDS}FetchSecrets")
    with _refusals():
        return _secrets(start(request, timeout=60))


class SecretStream:
    """One StreamSecrets call, which lasts ``seconds`` at most."""

    def __init__(
        self,
        channel: grpc.Channel,
        *names: str,
        node: core_pb2.Node | None = None,
        seconds: float = 30,
    ) -> None:
        requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        requests.put(Request(node=node, resource_names=names).SerializeToString())
        start: Any = channel.stream_stream(f"{_SDS}StreamSecrets")
        self._call = start(iter(requests.get, None), timeout=seconds)
        self._call.add_callback(lambda: requests.put(None))

    def hear(self) -> dict[str, str]:
        """Return the next message as ``fetch`` does."""
        with _refusals():
            return _secrets(next(self._call))


def _ids(answer: bytes) -> list[str]:
    svids = workload_pb2.X509SVIDResponse.FromString(answer).svids
    return [str(check_leaf(split_der(svid.x509_svid)[0])) for svid in svids]


def _secrets(answer: bytes) -> dict[str, str]:
    found = [
        tls_pb2.Secret.FromString(each.value) for each in Response.FromString(answer).resources
    ]
    return {secret.name: _owner(secret) for secret in found}


def _owner(secret: tls_pb2.Secret) -> str:
    if not secret.HasField("tls_certificate"):
        return ""
    chain = secret.tls_certificate.certificate_chain.inline_bytes
    return str(check_leaf(load_pem_x509_certificate(chain)))
