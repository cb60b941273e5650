"""What is answered to clients that ask for descriptions; only loaded when the first one does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

_NOT_FOUND = pb.ErrorResponse(error_code=5, error_message="not found")
_BAD_REQUEST = pb.ErrorResponse(error_code=3, error_message="nothing was asked for")


class ReflectionAnswers:
    """Describes ``services``, by the descriptors of the default pool.

    There generated modules register theirs.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = tuple(sorted(services))
        self._pools = (descriptor_pool.Default(), _pool_of_v1())

    def answer(self, request: pb.ServerReflectionRequest) -> bytes:
        """Return the serialised answer to one question; that there is none is one, too."""
        answer = self._answer(request)
        answer.valid_host = request.host
        answer.original_request.CopyFrom(request)
        return answer.SerializeToString()

    def _answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        match request.WhichOneof("message_request"):
            case "list_services":
                return self._list()
            case "file_by_filename":
                name = request.file_by_filename
                return self._files(lambda pool: pool.FindFileByName(name))
            case "file_containing_symbol":
                symbol = request.file_containing_symbol
                return self._files(lambda pool: _file_of(pool, symbol))
            case "file_containing_extension":
                wanted = request.file_containing_extension
                return self._files(lambda pool: _extension(pool, wanted).file)
            case "all_extension_numbers_of_type":
                return self._extensions(request.all_extension_numbers_of_type)
            case _:
                return pb.ServerReflectionResponse(error_response=_BAD_REQUEST)

    def _list(self) -> pb.ServerReflectionResponse:
        services = [pb.ServiceResponse(name=name) for name in self._services]
        return pb.ServerReflectionResponse(
            list_services_response=pb.ListServiceResponse(service=services)
        )

    def _files(self, find: Callable[[Any], FileDescriptor]) -> pb.ServerReflectionResponse:
        found = self._find(find)
        if found is None:
            return pb.ServerReflectionResponse(error_response=_NOT_FOUND)
        files = [file.serialized_pb for file in _with_imports(found)]
        return pb.ServerReflectionResponse(
            file_descriptor_response=pb.FileDescriptorResponse(file_descriptor_proto=files)
        )

    def _extensions(self, name: str) -> pb.ServerReflectionResponse:
        def numbers(pool: Any) -> list[int]:
            message = pool.FindMessageTypeByName(name)
            return sorted(extension.number for extension in pool.FindAllExtensions(message))

        found = self._find(numbers)
        if found is None:
            return pb.ServerReflectionResponse(error_response=_NOT_FOUND)
        return pb.ServerReflectionResponse(
            all_extension_numbers_response=pb.ExtensionNumberResponse(
                base_type_name=name, extension_number=found
            )
        )

    def _find(self, find: Callable[[Any], Any]) -> Any:
        for pool in self._pools:
            try:
                return find(pool)
            except KeyError:
                continue
        return None


def _file_of(pool: Any, symbol: str) -> FileDescriptor:
    try:
        found: FileDescriptor = pool.FindFileContainingSymbol(symbol)
    except KeyError:  # which it raises for methods, too
        service, _, method = symbol.rpartition(".")
        found = pool.FindServiceByName(service).methods_by_name[method].containing_service.file
    return found


def _extension(pool: Any, wanted: pb.ExtensionRequest) -> Any:
    message = pool.FindMessageTypeByName(wanted.containing_type)
    return pool.FindExtensionByNumber(message, wanted.extension_number)


def _with_imports(file: FileDescriptor) -> list[FileDescriptor]:
    """Return ``file`` and all it imports, itself first, each once."""
    found: dict[str, FileDescriptor] = {}
    waiting = [file]
    while waiting:
        each = waiting.pop()
        if each.name not in found:
            found[each.name] = each
            waiting.extend(each.dependencies)
    return list(found.values())


def _pool_of_v1() -> descriptor_pool.DescriptorPool:
    """Return a pool with v1, made from v1alpha: no package brings generated code for it."""
    file = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    file.name, file.package = "grpc/reflection/v1/reflection.proto", "grpc.reflection.v1"
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = _in_v1(field.type_name)
    for method in file.service[0].method:
        method.input_type, method.output_type = (
            _in_v1(method.input_type),
            _in_v1(method.output_type),
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _in_v1(name: str) -> str:
    return name.replace(".grpc.reflection.v1alpha.", ".grpc.reflection.v1.")
