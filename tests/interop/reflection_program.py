"""A client that knows no .proto: learns the API by reflection and calls it, as grpcurl does.

Run as a process of its own, with the endpoint's gRPC target and the reflection package to use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2 as pb


class Stranger:
    def __init__(self, channel: grpc.Channel, package: str) -> None:
        self._channel = channel
        self._ask = channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            request_serializer=pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=pb.ServerReflectionResponse.FromString,
        )

    def services(self) -> list[str]:
        (answer,) = self._ask(iter([pb.ServerReflectionRequest(list_services="")]))
        return [service.name for service in answer.list_services_response.service]

    def pool(self, symbol: str) -> DescriptorPool:
        (answer,) = self._ask(iter([pb.ServerReflectionRequest(file_containing_symbol=symbol)]))
        files = [
            FileDescriptorProto.FromString(data)
            for data in answer.file_descriptor_response.file_descriptor_proto
        ]
        pool = DescriptorPool()
        for file in _imports_first({file.name: file for file in files}):
            pool.Add(file)
        return pool

    def first(self, pool: DescriptorPool, service: str, method: str) -> Any:
        found = pool.FindServiceByName(service).FindMethodByName(method)
        call = self._channel.unary_stream(
            f"/{service}/{method}",
            request_serializer=GetMessageClass(found.input_type).SerializeToString,
            response_deserializer=GetMessageClass(found.output_type).FromString,
        )
        metadata = (("workload.spiffe.io", "true"),)
        return next(call(GetMessageClass(found.input_type)(), metadata=metadata))


def _imports_first(files: dict[str, FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    while files:
        name = next(each for each in files if not files.keys() & set(files[each].dependency))
        yield files.pop(name)


def main(target: str, package: str) -> None:
    with grpc.insecure_channel(target) as channel:
        stranger = Stranger(channel, package)
        pool = stranger.pool("SpiffeWorkloadAPI")
        methods = pool.FindServiceByName("SpiffeWorkloadAPI").methods
        answer = stranger.first(pool, "SpiffeWorkloadAPI", "FetchX509SVID")
        facts = {
            "services": stranger.services(),
            "methods": [method.name for method in methods],
            "ids": [svid.spiffe_id for svid in answer.svids],
        }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
