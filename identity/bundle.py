"""Trust bundle documents: JWK Sets with ``use``, SPIFFE Trust Domain and Bundle section 4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509

from accredit.identity.bundle_entry import (
    JWT_USE,
    WIT_USE,
    X509_USE,
    doubt_about,
    jwt_key,
    parse_jwt_entry,
    parse_x509_entry,
    x509_entry,
)
from accredit.identity.errors import BundleError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.strict_json import dumps, loads_object
from accredit.identity.trust_bundle import JwtAuthority, TrustBundle

__all__ = [
    "MAX_BYTES",
    "JwtAuthority",
    "ParsedBundle",
    "TrustBundle",
    "bundle_document",
    "bundle_from",
    "encode_bundle",
    "parse_bundle",
]

MAX_BYTES = 4 * 1024 * 1024
_MAX_ENTRIES = 1024
_SEQUENCE = "spiffe_sequence"
_HINT = "spiffe_refresh_hint"
# What a timedelta holds; whoever polls has a far lower bound of its own.
_MAX_HINT_SECONDS = 10**9


def encode_bundle(bundle: TrustBundle) -> bytes:
    """Return the bundle document, which does not name its trust domain (section 3)."""
    return dumps(bundle_document(bundle))


def bundle_document(bundle: TrustBundle) -> dict[str, object]:
    """Return what :func:`encode_bundle` writes, before it is written."""
    document: dict[str, object] = {
        "keys": [
            *(x509_entry(each) for each in bundle.x509_authorities),
            *({"use": JWT_USE, **jwt_key(k.key_id, k.public_key)} for k in bundle.jwt_authorities),
        ]
    }
    if bundle.sequence is not None:
        document[_SEQUENCE] = bundle.sequence
    if bundle.refresh_hint is not None:
        document[_HINT] = bundle.refresh_hint // timedelta(seconds=1)
    return document


@dataclass(frozen=True)
class ParsedBundle:
    """A bundle, and what in its document was ignored or is odd, in words."""

    bundle: TrustBundle
    warnings: tuple[str, ...]


def parse_bundle(trust_domain: TrustDomain, data: bytes) -> ParsedBundle:
    """Parse a bundle document of ``trust_domain``, section 4.

    One bad entry never sinks the others: what cannot be used is left out with a warning. No usable
    entry at all is a valid bundle, and means that nothing of that trust domain is trusted.

    Raises:
        BundleError: not UTF-8 JSON with one meaning, no array ``keys``, or larger than 4 MiB or
            1024 entries.
    """
    if len(data) > MAX_BYTES:
        raise BundleError("RFC 7517 5", f"larger than {MAX_BYTES} bytes")
    try:
        document = loads_object(data)
    except ValueError as error:
        raise BundleError("RFC 7517 5", str(error)) from None
    return bundle_from(trust_domain, document)


def bundle_from(trust_domain: TrustDomain, document: Mapping[str, object]) -> ParsedBundle:
    """Return the bundle of a document that was read already; see :func:`parse_bundle`."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise BundleError("Trust Domain and Bundle 4.1.3", "keys is missing or not an array")
    if len(entries) > _MAX_ENTRIES:
        raise BundleError("RFC 7517 5", f"more than {_MAX_ENTRIES} keys")
    found = _Found(trust_domain)
    found.add_all(entries)
    return found.bundle(_whole(document, _SEQUENCE, found), _whole(document, _HINT, found))


@dataclass
class _Found:
    """What of one document can be used, and warnings about the rest."""

    trust_domain: TrustDomain
    certificates: list[x509.Certificate] = field(default_factory=list)
    jwt_authorities: dict[str, JwtAuthority] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def add_all(self, entries: Iterable[object]) -> None:
        for index, entry in enumerate(entries):
            place = f"keys[{index}]"
            try:
                doubt = self._add(entry)
            except (ValueError, BundleError) as error:
                self.warnings.append(f"{place} ignored: {error}")
            else:
                self.warnings.extend([f"{place}: {doubt}"] if doubt else [])

    def _add(self, entry: object) -> str:
        if not isinstance(entry, dict):
            raise ValueError("not an object")  # noqa: TRY004  the document is wrong, not a type
        use = entry.get("use")
        if use == X509_USE:
            certificate = parse_x509_entry(entry)
            self.certificates.append(certificate)
            return doubt_about(certificate, self.trust_domain)
        if use == JWT_USE:
            self._add_jwt(JwtAuthority(*parse_jwt_entry(entry)))
        elif use != WIT_USE:
            raise ValueError("use is missing or unknown")
        return ""

    def _add_jwt(self, authority: JwtAuthority) -> None:
        if self.jwt_authorities.setdefault(authority.key_id, authority) != authority:
            raise ValueError("an earlier key has the same kid")

    def bundle(self, sequence: int | None, hint: int | None) -> ParsedBundle:
        return ParsedBundle(
            TrustBundle(
                self.trust_domain,
                tuple(self.certificates),
                tuple(self.jwt_authorities.values()),
                sequence,
                None if hint is None else timedelta(seconds=min(hint, _MAX_HINT_SECONDS)),
            ),
            tuple(self.warnings),
        )


def _whole(document: Mapping[str, object], name: str, found: _Found) -> int | None:
    """Return a member that must be a whole number; anything else counts as absent."""
    value = document.get(name)
    if value is None:
        return None
    # bool is an int to Python, and 5.0 would be one to a careless reader.
    if type(value) is int and value >= 0:
        return value
    found.warnings.append(f"{name} ignored: not a whole number >= 0")
    return None
