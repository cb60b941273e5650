"""Peers that are let in, or taken for the server, whoever they are."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint import rbac
from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Set
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.tls import Tls


def _client_unvalidated(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        said = chain.tls.place.get("require_client_certificate")
        if chain.tls and said.is_true and not chain.tls.wants_validation:
            yield Found(said, "without a validation context this asks nobody for a certificate")


def _client_unasked(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        required = chain.tls.place.get("require_client_certificate").is_true
        if chain.tls and not required and not chain.tls.wants_validation:
            yield Found(chain.tls.place, "clients are not asked who they are")


def _not_required(bootstrap: Bootstrap) -> Iterator[tuple[Tls, Place]]:
    for chain in bootstrap.chains:
        said = chain.tls.place.get("require_client_certificate")
        if chain.tls.wants_validation and not said.is_true:
            yield chain.tls, said


def _client_optional(bootstrap: Bootstrap) -> Iterator[Found]:
    for tls, said in _not_required(bootstrap):
        if not tls.demands_certificate:
            yield Found(said, "a client without a certificate is let in", Set(said, value=True))


def _client_implied(bootstrap: Bootstrap) -> Iterator[Found]:
    for tls, said in _not_required(bootstrap):
        if tls.demands_certificate:
            what = "clients need a certificate only because of how it is verified"
            yield Found(said, what, Set(said, value=True))


def _server_unvalidated(bootstrap: Bootstrap) -> Iterator[Found]:
    for upstream in bootstrap.upstreams:
        if not upstream.tls.wants_validation:
            yield Found(upstream.tls.place, "whoever answers is taken for the server")


def _names_nobody(tls: Tls) -> bool:
    return tls.is_validating and not tls.sans and not tls.pins


def _matcher_place(tls: Tls) -> Place:
    combined = tls.common.get("combined_validation_context")
    if combined:
        return combined.get("default_validation_context", "match_typed_subject_alt_names")
    if tls.contexts:
        return tls.contexts[0].get("match_typed_subject_alt_names")
    return tls.secret


def _any_client(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        authorised = any(rbac.is_by_identity(each) for each in chain.rbacs)
        if chain.tls and _names_nobody(chain.tls) and not authorised:
            what = "every identity of the trust domains is let in"
            yield Found(_matcher_place(chain.tls), what)


def _any_server(bootstrap: Bootstrap) -> Iterator[Found]:
    for upstream in bootstrap.upstreams:
        tls = upstream.tls
        if _names_nobody(tls) and not tls.place.get("auto_sni_san_validation").is_true:
            what = "every identity of the trust domains is taken for the server"
            yield Found(_matcher_place(tls), what)


RULES = (
    error(
        "client-unvalidated",
        "require_client_certificate without a validation context asks nobody for anything",
        "add combined_validation_context",
        _client_unvalidated,
    ),
    warning(
        "client-unasked",
        "a TLS listener without a validation context serves everybody",
        "add combined_validation_context and require_client_certificate: true",
        _client_unasked,
    ),
    error(
        "client-certificate-optional",
        "roots alone, without require_client_certificate, let clients in that bring no certificate",
        "set require_client_certificate: true",
        _client_optional,
    ),
    warning(
        "client-certificate-implied",
        "without require_client_certificate, SAN matchers or the SPIFFE validator demand one; "
        "a later Envoy may not",
        "set require_client_certificate: true",
        _client_implied,
    ),
    error(
        "server-unvalidated",
        "an upstream TLS context without a validation context believes every server",
        "add combined_validation_context",
        _server_unvalidated,
    ),
    error(
        "any-client",
        "without SAN matchers, or RBAC by identity, every client the bundle verifies is let in",
        "list the allowed IDs in match_typed_subject_alt_names with san_type: URI",
        _any_client,
    ),
    error(
        "any-server",
        "without SAN matchers every workload of the trust domain can pose as the server",
        "list the expected IDs in match_typed_subject_alt_names with san_type: URI",
        _any_server,
    ),
)
