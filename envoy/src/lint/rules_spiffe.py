"""The SPIFFE validator's own traps: bundles that never match or are never read."""

from __future__ import annotations

import json
from collections.abc import Iterator

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Set
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.tls import domains, spiffe_validator
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import TrustDomain


def _is_name(text: str) -> bool:
    try:
        TrustDomain(text)
    except SpiffeIdError:
        return False
    return True


def _repaired(name: Place) -> Set | None:
    text = name.text.removeprefix("spiffe://").rstrip("/").lower()
    return Set(name, text) if _is_name(text) else None


def _name(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        for domain in domains(context):
            if not _is_name(domain.name.text):
                what = f"no SPIFFE ID is of trust domain {domain.name.text[:100]!r}"
                yield Found(domain.name, what, _repaired(domain.name))


def _twice(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        seen: set[str] = set()
        for domain in domains(context):
            if domain.name.text in seen:
                yield Found(domain.name, f"{domain.name.text[:100]!r} has a bundle already")
            seen.add(domain.name.text)


def _nobody(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        found = spiffe_validator(context)
        if found and not domains(context) and not found.get("trust_bundles"):
            yield Found(found.get("trust_domains"), "no trust domain is trusted: all are refused")


def _no_bundle(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        for domain in domains(context):
            if not domain.bundle:
                yield Found(domain.bundle, "this trust domain has no bundle")


def _both(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        found = spiffe_validator(context)
        if found.get("trust_bundles") and found.get("trust_domains"):
            yield Found(found.get("trust_domains"), "trust_bundles is used, and this is not")


def _map(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        text = spiffe_validator(context).get("trust_bundles", "inline_string")
        for name, keys in _keys(text.text):
            if not keys or any(use != "x509-svid" for use in keys):
                what = f"the bundle of {name[:100]!r} is refused: it is empty or has a JWT key"
                yield Found(text, what)


def _keys(text: str) -> Iterator[tuple[str, list[object]]]:
    """Yield each trust domain of a bundle map, and the use of each of its keys."""
    try:
        parsed = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return
    domains_ = parsed.get("trust_domains") if isinstance(parsed, dict) else None
    for name, bundle in domains_.items() if isinstance(domains_, dict) else ():
        keys = bundle.get("keys") if isinstance(bundle, dict) else None
        listed = keys if isinstance(keys, list) else []
        yield name, [key.get("use") if isinstance(key, dict) else None for key in listed]


RULES = (
    error(
        "trust-domain-name",
        "a trust domain written as spiffe://..., or in upper case, is accepted and never matches",
        "write the bare name in lower case, such as prod.example",
        _name,
    ),
    error(
        "trust-domain-twice",
        "a trust domain listed twice makes Envoy refuse the whole context when it is built",
        "put all its roots into one trust_bundle",
        _twice,
    ),
    error(
        "trust-domains-empty",
        "a SPIFFE validator without trust domains is accepted and refuses everybody",
        "list the trust domains and their bundles",
        _nobody,
    ),
    error(
        "trust-domain-without-bundle",
        "a trust domain without a trust_bundle fails when the context is built",
        "give it a trust_bundle",
        _no_bundle,
    ),
    warning(
        "trust-domains-ignored",
        "trust_domains beside trust_bundles is never read",
        "keep one of the two",
        _both,
    ),
    error(
        "trust-bundles-map",
        "one JWT key or one empty key list makes Envoy refuse a whole trust_bundles map",
        "keep keys with use: x509-svid only, and no empty bundle",
        _map,
    ),
)
