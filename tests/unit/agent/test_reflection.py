from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from accredit.agent.reflection import V1, V1ALPHA, Reflection
from accredit.rotation.delivery import Call
from accredit.workload_api.proto import workload_pb2

NOBODY = cast("Call", None)
WORKLOAD_API = "SpiffeWorkloadAPI"


async def _requests(*questions: dict[str, Any]) -> AsyncIterator[pb.ServerReflectionRequest]:
    for question in questions:
        yield pb.ServerReflectionRequest(host="here", **question)


async def _ask(*questions: dict[str, Any]) -> list[pb.ServerReflectionResponse]:
    info = Reflection(V1, [WORKLOAD_API]).info(_requests(*questions), NOBODY)
    return [pb.ServerReflectionResponse.FromString(answer) async for answer in info]


async def _files(**question: Any) -> dict[str, FileDescriptorProto]:
    (answer,) = await _ask(question)
    files = [
        FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
    return {file.name: file for file in files}


@pytest.mark.rows("WE-30")
@pytest.mark.parametrize("name", [V1, V1ALPHA])
async def test_it_is_a_service_of_that_name_with_one_method(name: str) -> None:
    reflection = Reflection(name, [])
    assert reflection.name == name
    assert [method.name for method in reflection.methods] == ["ServerReflectionInfo"]


@pytest.mark.rows("WE-29")
async def test_all_services_are_listed() -> None:
    (answer,) = await _ask({"list_services": ""})
    names = [service.name for service in answer.list_services_response.service]
    assert names == sorted([WORKLOAD_API, V1, V1ALPHA])
    assert answer.valid_host == "here"
    assert answer.original_request.host == "here"


async def test_a_service_is_described_with_all_it_imports() -> None:
    files = await _files(file_containing_symbol=WORKLOAD_API)
    upstream = FileDescriptorProto()
    workload_pb2.DESCRIPTOR.CopyToProto(upstream)
    assert files[workload_pb2.DESCRIPTOR.name] == upstream
    assert set(files) == {upstream.name, *upstream.dependency}


@pytest.mark.parametrize("symbol", [V1, V1ALPHA, f"{V1}.ServerReflectionInfo"])
async def test_reflection_describes_itself_in_both_versions(symbol: str) -> None:
    (file,) = (await _files(file_containing_symbol=symbol)).values()
    assert f"{file.package}.ServerReflection" == ".".join(symbol.split(".")[:4])
    method = file.service[0].method[0]
    assert method.input_type == f".{file.package}.ServerReflectionRequest"


async def test_a_file_is_found_by_its_name() -> None:
    name = "grpc/reflection/v1/reflection.proto"
    assert list(await _files(file_by_filename=name)) == [name]


async def test_what_there_is_not_ends_no_stream() -> None:
    extension = pb.ExtensionRequest(containing_type="no.Type", extension_number=7)
    answers = await _ask(
        {"file_containing_symbol": "no.Symbol"},
        {"file_by_filename": "no.proto"},
        {"file_containing_extension": extension},
        {"all_extension_numbers_of_type": "no.Type"},
        {},
        {"list_services": ""},
    )
    assert [answer.error_response.error_code for answer in answers] == [5, 5, 5, 5, 3, 0]


async def test_the_extensions_of_a_type_are_none_here() -> None:
    name = "google.protobuf.FieldOptions"
    (answer,) = await _ask({"all_extension_numbers_of_type": name})
    assert answer.all_extension_numbers_response.base_type_name == name
