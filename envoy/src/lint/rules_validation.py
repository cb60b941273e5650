"""Validation contexts that verify less than they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Remove
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.tls import domains, is_empty, spiffe_validator

_UNTRUSTED = ("VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED")


def _empty(bootstrap: Bootstrap) -> Iterator[Found]:
    hollow = [t.contexts[-1] for t in bootstrap.contexts if t.contexts and not t.is_validating]
    secrets = (each.get("validation_context") for each in bootstrap.secrets.values())
    hollow += [each for each in secrets if each.node is not None and is_empty(each)]
    for context in {each.path: each for each in hollow}.values():
        yield Found(context, "this validation context verifies nothing")


def _untrusted(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        said = context.get("trust_chain_verification")
        if said.enum(*_UNTRUSTED) == "ACCEPT_UNTRUSTED":
            yield Found(said, "certificates of any CA are accepted", Remove(said))


def _expired(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        said = context.get("allow_expired_certificate")
        if said.is_true:
            yield Found(said, "certificates that have ended are accepted", Remove(said))


def _crl(bootstrap: Bootstrap) -> Iterator[Found]:
    for tls in bootstrap.contexts:
        spiffe = tls.is_dynamic or any(spiffe_validator(each) for each in tls.contexts)
        for context in tls.contexts:
            if spiffe and context.get("crl"):
                what = "the SPIFFE validator never reads this list of revoked certificates"
                yield Found(context.get("crl"), what)


def _spiffe_ignored(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        if context.get("trusted_ca") and domains(context):
            what = "the SPIFFE validator is used, and these roots are not"
            yield Found(context.get("trusted_ca"), what, Remove(context.get("trusted_ca")))


RULES = (
    error(
        "validation-empty",
        "a validation context without roots or validator accepts certificates of anybody",
        "give it trusted_ca or the SPIFFE validator, or take it from SDS",
        _empty,
    ),
    error(
        "accept-untrusted",
        "ACCEPT_UNTRUSTED serves peers whose certificate could not be verified",
        "take trust_chain_verification away",
        _untrusted,
    ),
    error(
        "accept-expired",
        "allow_expired_certificate lets an identity live on after its end",
        "take allow_expired_certificate away",
        _expired,
    ),
    error(
        "crl-ignored",
        "the SPIFFE validator ignores crl: revoked certificates are served",
        "put the CRL into the trust bundle's PEM, one for each CA",
        _crl,
    ),
    warning(
        "trusted-ca-ignored",
        "trusted_ca beside the SPIFFE validator is never used",
        "take trusted_ca away",
        _spiffe_ignored,
    ),
)
