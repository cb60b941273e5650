"""The JWT profile's requests checked, and validated claims as a protobuf Struct. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from google.protobuf import struct_pb2

from accredit.identity.errors import JwtSvidError, RequestError
from accredit.identity.jwt_verify import ValidatedJwt
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.workload_api.proto import workload_pb2 as pb
from accredit.workload_api.settings import WorkloadApiSettings

_ALWAYS_RETURNED = frozenset({"sub", "aud", "exp"})
_MAX_EXACT_INTEGER = 2**53
_MAX_DEPTH = 16  # protobuf gives up at 100 messages, and each level of JSON costs up to three


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A JWTSVIDRequest that may be answered; ``spiffe_id`` is None for all of the caller's."""

    audience: tuple[str, ...]
    spiffe_id: SpiffeId | None


def check_token_request(request: pb.JWTSVIDRequest, settings: WorkloadApiSettings) -> TokenRequest:
    """Return what is asked for; an audience named twice counts once.

    Raises:
        RequestError: no audience, an empty one, too many or too long ones.
        SpiffeIdError: ``spiffe_id`` is not one.
    """
    audience = tuple(dict.fromkeys(request.audience))
    if not audience:
        raise RequestError("audience must be set (Workload API 6.2.1)")
    if len(audience) > settings.max_audiences:
        raise RequestError(f"{len(audience)} audiences are more than {settings.max_audiences}")
    for name in audience:
        _check_audience(name, settings)
    return TokenRequest(audience, SpiffeId.parse(request.spiffe_id) if request.spiffe_id else None)


def check_validation_request(
    request: pb.ValidateJWTSVIDRequest, settings: WorkloadApiSettings
) -> None:
    """Refuse a validation request without an audience or a token.

    Raises:
        RequestError: either is empty, or the audience is too long.
    """
    _check_audience(request.audience, settings)
    if not request.svid:
        raise RequestError("svid must be set (Workload API 6.2.3)")


def validation_response(
    validated: ValidatedJwt, own: TrustDomain, allowed_foreign: Collection[str]
) -> bytes:
    """Return the ValidateJWTSVIDResponse: every claim of an own token, the chosen of a foreign one.

    Raises:
        JwtSvidError: a claim to be returned does not fit into a Struct.
    """
    claims = validated.claims
    if validated.spiffe_id.trust_domain != own:
        returned = _ALWAYS_RETURNED.union(allowed_foreign)
        claims = {name: value for name, value in claims.items() if name in returned}
    response = pb.ValidateJWTSVIDResponse(
        spiffe_id=str(validated.spiffe_id), claims=claims_struct(claims)
    )
    return response.SerializeToString(deterministic=True)


def claims_struct(claims: Mapping[str, object]) -> struct_pb2.Struct:
    """Return claims as a Struct, whose numbers are doubles.

    An integer that a double cannot hold exactly becomes a string of its digits, as in protobuf's
    own JSON mapping of 64-bit integers: a rounded number would be another value.

    Raises:
        JwtSvidError: nested deeper than 16, or text that is not Unicode (a lone surrogate).
    """
    try:
        return struct_pb2.Struct(fields={name: _value(claims[name], 1) for name in claims})
    except UnicodeEncodeError:
        raise JwtSvidError("RFC 8259 8.2", "a claim holds text that is not Unicode") from None


def _check_audience(name: str, settings: WorkloadApiSettings) -> None:
    if not name:
        raise RequestError("an audience must not be empty (Workload API 4.5)")
    if len(name.encode()) > settings.max_audience_bytes:
        raise RequestError(f"an audience is longer than {settings.max_audience_bytes} bytes")


def _value(value: object, depth: int) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return _number(value)
        case str():
            return struct_pb2.Value(string_value=value)
        case _:
            return _container(value, depth)


def _number(value: float) -> struct_pb2.Value:
    if isinstance(value, int) and abs(value) > _MAX_EXACT_INTEGER:
        return struct_pb2.Value(string_value=str(value))
    return struct_pb2.Value(number_value=value)


def _container(value: object, depth: int) -> struct_pb2.Value:
    if depth >= _MAX_DEPTH:
        raise JwtSvidError("Workload API 6.2.3", f"claims nested deeper than {_MAX_DEPTH}")
    if isinstance(value, Mapping):
        fields = {name: _value(each, depth + 1) for name, each in value.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
    if isinstance(value, list | tuple):
        values = [_value(each, depth + 1) for each in value]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=values))
    raise TypeError(f"claims come from JSON, which has no {type(value).__name__}")
