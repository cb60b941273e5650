"""Responses of a Workload API read strictly: a message that breaks a rule is refused whole.

A mandatory field at its default is such a break (Workload API 4.5); an optional one is taken at
face value, so that what is missing is gone (section 4.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError, Message

from accredit.identity.bundle import JwtAuthority, TrustBundle
from accredit.identity.bundle_entry import WIT_USE, X509_USE, parse_jwt_entry
from accredit.identity.errors import AccreditError, ResponseError
from accredit.identity.keys import load_pkcs8
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.strict_json import loads_object
from accredit.identity.x509_crl import signed_by
from accredit.identity.x509_svid import X509Svid
from accredit.identity.x509_verify import split_der
from accredit.workload_api.contexts import (
    HintedSvid,
    HintedToken,
    JwtBundles,
    TokenClaims,
    X509Bundles,
    X509Context,
)
from accredit.workload_api.proto import workload_pb2 as pb

M = TypeVar("M", bound=Message)
T = TypeVar("T")

_OTHER_USES = frozenset({X509_USE, WIT_USE})


def read_x509_context(data: bytes) -> X509Context:
    """Return the state in a response to FetchX509SVID.

    Raises:
        ResponseError: a mandatory field is empty, or one cannot be read.
    """
    response = _decode(pb.X509SVIDResponse, data)
    _require("svids", response.svids)
    bundles = _read_bundles("federated_bundles", response.federated_bundles, _x509_bundle)
    svids = []
    for place, message in enumerate(response.svids):
        svid, bundle = _within(f"svids[{place}]", partial(_read_svid, message))
        svids.append(HintedSvid(svid, message.hint))
        bundles[bundle.trust_domain] = bundle
    return X509Context(tuple(svids), _with_lists(bundles, response.crl))


def read_x509_bundles(data: bytes) -> X509Bundles:
    """Return the state in a response to FetchX509Bundles.

    Raises:
        ResponseError: there is no bundle, or one cannot be read.
    """
    response = _decode(pb.X509BundlesResponse, data)
    _require("bundles", response.bundles)
    return _with_lists(_read_bundles("bundles", response.bundles, _x509_bundle), response.crl)


def read_tokens(data: bytes) -> tuple[HintedToken, ...]:
    """Return the tokens in a response to FetchJWTSVID, which are opaque to a client.

    Raises:
        ResponseError: there is none, or a mandatory field of one is empty.
    """
    response = _decode(pb.JWTSVIDResponse, data)
    _require("svids", response.svids)
    return tuple(
        _within(f"svids[{place}]", partial(_read_token, message))
        for place, message in enumerate(response.svids)
    )


def read_jwt_bundles(data: bytes) -> JwtBundles:
    """Return the state in a response to FetchJWTBundles.

    Raises:
        ResponseError: there is no bundle, or one is no JWK Set.
    """
    response = _decode(pb.JWTBundlesResponse, data)
    _require("bundles", response.bundles)
    return JwtBundles(_read_bundles("bundles", response.bundles, _jwt_bundle))


def read_claims(data: bytes) -> TokenClaims:
    """Return what a response to ValidateJWTSVID says; whole numbers are ints.

    Raises:
        ResponseError: a mandatory field is empty.
    """
    response = _decode(pb.ValidateJWTSVIDResponse, data)
    _require("spiffe_id", response.spiffe_id)
    _require("claims", response.claims.fields)
    spiffe_id = _within("spiffe_id", partial(SpiffeId.parse, response.spiffe_id))
    return TokenClaims(spiffe_id, _plain_object(response.claims))


def _decode(kind: type[M], data: bytes) -> M:
    try:
        return kind.FromString(data)
    except DecodeError:
        raise ResponseError(f"the bytes are no {kind.DESCRIPTOR.name}") from None


def _read_svid(message: pb.X509SVID) -> tuple[X509Svid, TrustBundle]:
    _require("spiffe_id", message.spiffe_id)
    _require("x509_svid", message.x509_svid)
    _require("x509_svid_key", message.x509_svid_key)
    _require("bundle", message.bundle)
    spiffe_id = SpiffeId.parse(message.spiffe_id)
    chain, key = split_der(message.x509_svid), load_pkcs8(message.x509_svid_key)
    return X509Svid(spiffe_id, chain, key), _x509_bundle(spiffe_id.trust_domain, message.bundle)


def _read_token(message: pb.JWTSVID) -> HintedToken:
    _require("spiffe_id", message.spiffe_id)
    _require("svid", message.svid)
    return HintedToken(SpiffeId.parse(message.spiffe_id), message.svid, message.hint)


def _read_bundles(
    field: str, found: Mapping[str, bytes], read: Callable[[TrustDomain, bytes], TrustBundle]
) -> dict[TrustDomain, TrustBundle]:
    def bundle(name: str) -> TrustBundle:
        return read(_trust_domain(name), found[name])

    bundles = (_within(f"{field}[{name[:100]!r}]", partial(bundle, name)) for name in sorted(found))
    return {bundle.trust_domain: bundle for bundle in bundles}


def _with_lists(bundles: Mapping[TrustDomain, TrustBundle], crl: Iterable[bytes]) -> X509Bundles:
    """Put each list into the bundle whose authority signed it; none speaks for another's."""
    lists = tuple(crl)
    return X509Bundles(
        {
            each.trust_domain: replace(each, crls=signed_by(each.x509_authorities, lists))
            for each in bundles.values()
        },
        lists,
    )


def _trust_domain(name: str) -> TrustDomain:
    spiffe_id = SpiffeId.parse(name)
    if spiffe_id.path:
        raise ResponseError(f"{name[:100]!r} is the ID of no trust domain: it has a path")
    return spiffe_id.trust_domain


def _x509_bundle(trust_domain: TrustDomain, der: bytes) -> TrustBundle:
    return TrustBundle(trust_domain, split_der(der) if der else ())


def _jwt_bundle(trust_domain: TrustDomain, document: bytes) -> TrustBundle:
    keys = loads_object(document).get("keys")
    if not isinstance(keys, list):
        raise ResponseError("a JWK Set needs a list of keys (RFC 7517 5)")
    found = (_jwt_authority(key) for key in keys if isinstance(key, dict))
    return TrustBundle(trust_domain, (), tuple(each for each in found if each is not None))


def _jwt_authority(jwk: Mapping[str, object]) -> JwtAuthority | None:
    if jwk.get("use") in _OTHER_USES:
        return None
    try:
        return JwtAuthority(*parse_jwt_entry(jwk))
    except (ValueError, AccreditError):
        return None  # one key of a kind unknown here must not cost the others (RFC 7517 5)


def _plain_object(value: struct_pb2.Struct) -> dict[str, object]:
    return {name: _plain(field) for name, field in value.fields.items()}


def _plain(value: struct_pb2.Value) -> object:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "struct_value":
            return _plain_object(value.struct_value)
        case "list_value":
            return [_plain(each) for each in value.list_value.values]
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _require(field: str, value: object) -> None:
    if not value:
        raise ResponseError(f"{field} is empty (Workload API 4.5)")


def _within(place: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (AccreditError, ValueError) as error:
        raise ResponseError(f"{place}: {error}") from None
