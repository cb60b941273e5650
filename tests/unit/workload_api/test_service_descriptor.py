from __future__ import annotations

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from support.workload_api import WorkloadApiBench

from accredit.rotation.delivery import Shape
from accredit.workload_api.proto import workload_pb2 as pb

# The standard's workloadapi.proto, at the revision docs/conformance.md names.
_SERVICE = """
FetchX509SVID(X509SVIDRequest) stream X509SVIDResponse
FetchX509Bundles(X509BundlesRequest) stream X509BundlesResponse
FetchJWTSVID(JWTSVIDRequest) JWTSVIDResponse
FetchJWTBundles(JWTBundlesRequest) stream JWTBundlesResponse
ValidateJWTSVID(ValidateJWTSVIDRequest) ValidateJWTSVIDResponse
FetchWITSVID(WITSVIDRequest) stream WITSVIDResponse
FetchWITBundles(WITBundlesRequest) stream WITBundlesResponse
"""
_MESSAGES = """
X509SVIDRequest
X509SVIDResponse 1 svids X509SVID*
X509SVIDResponse 2 crl bytes*
X509SVIDResponse 3 federated_bundles map<string, bytes>
X509SVID 1 spiffe_id string
X509SVID 2 x509_svid bytes
X509SVID 3 x509_svid_key bytes
X509SVID 4 bundle bytes
X509SVID 5 hint string
X509BundlesRequest
X509BundlesResponse 1 crl bytes*
X509BundlesResponse 2 bundles map<string, bytes>
JWTSVIDRequest 1 audience string*
JWTSVIDRequest 2 spiffe_id string
JWTSVIDResponse 1 svids JWTSVID*
JWTSVID 1 spiffe_id string
JWTSVID 2 svid string
JWTSVID 3 hint string
JWTBundlesRequest
JWTBundlesResponse 1 bundles map<string, bytes>
ValidateJWTSVIDRequest 1 audience string
ValidateJWTSVIDRequest 2 svid string
ValidateJWTSVIDResponse 1 spiffe_id string
ValidateJWTSVIDResponse 2 claims google.protobuf.Struct
WITSVIDRequest 1 spiffe_id string
WITSVIDResponse 1 svids WITSVID*
WITSVID 1 spiffe_id string
WITSVID 2 wit_svid string
WITSVID 3 wit_svid_key string
WITSVID 4 hint string
WITBundlesRequest
WITBundlesResponse 1 bundles map<string, string>
"""
_SCALARS = {FieldDescriptor.TYPE_STRING: "string", FieldDescriptor.TYPE_BYTES: "bytes"}


def _lines() -> list[str]:
    return [
        f"{method.name}({method.input_type.full_name}) "
        + ("stream " if method.server_streaming else "")
        + method.output_type.full_name
        for method in pb.DESCRIPTOR.services_by_name["SpiffeWorkloadAPI"].methods
    ]


def _type(field: FieldDescriptor) -> str:
    kind = field.message_type
    if kind is None:
        return _SCALARS[field.type]
    if kind.GetOptions().map_entry:
        return f"map<{', '.join(_type(part) for part in kind.fields)}>"
    name: str = kind.full_name
    return name


def _fields(message: Descriptor) -> list[str]:
    found = []
    for field in message.fields:
        entries = field.message_type is not None and field.message_type.GetOptions().map_entry
        many = "*" if field.is_repeated and not entries else ""
        found.append(f"{message.full_name} {field.number} {field.name} {_type(field)}{many}")
    return found or [message.full_name]


@pytest.mark.rows("WE-27", "WC-04")
def test_the_api_is_the_standards_to_the_last_field() -> None:
    assert _lines() == _SERVICE.split("\n")[1:-1]
    messages = pb.DESCRIPTOR.message_types_by_name.values()
    found = [line for message in messages for line in _fields(message)]
    assert sorted(found) == sorted(_MESSAGES.split("\n")[1:-1])


@pytest.mark.rows("WE-32")
def test_the_service_belongs_to_no_package() -> None:
    assert pb.DESCRIPTOR.package == ""
    assert WorkloadApiBench().service.name == "SpiffeWorkloadAPI"


@pytest.mark.rows("WE-27")
def test_the_service_has_the_methods_of_the_descriptor_and_no_others() -> None:
    described = pb.DESCRIPTOR.services_by_name["SpiffeWorkloadAPI"].methods
    served = WorkloadApiBench().service.methods
    assert [method.name for method in served] == [method.name for method in described]
    for method, description in zip(served, described, strict=True):
        stream = method.shape is Shape.SERVER_STREAM
        assert stream == description.server_streaming
        assert not description.client_streaming
        assert type(method.decode(b"")).__name__ == description.input_type.name
