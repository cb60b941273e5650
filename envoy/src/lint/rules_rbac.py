"""Authorisation by RBAC that is missing, or allows more than it seems to."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint import rbac
from accredit.envoy.lint.bootstrap import Bootstrap, Chain
from accredit.envoy.lint.place import Place, messages
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.rules_tls import resumes


def _filters(bootstrap: Bootstrap) -> Iterator[tuple[Chain, Place]]:
    for chain in bootstrap.chains:
        for each in chain.rbacs:
            yield chain, each


def _missing(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        external = any(True for _ in messages(chain.place.get("filters"), "ExtAuthz"))
        if chain.is_mutual and not chain.rbacs and not external:
            filters = chain.place.get("filters")
            yield Found(filters, "nothing but the TLS handshake says who may call")


def _unenforced(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, each in _filters(bootstrap):
        if not rbac.is_enforcing(each):
            yield Found(each, "this filter refuses nobody")


def _allowing(bootstrap: Bootstrap) -> Iterator[Place]:
    """Yield the policies whose match lets a request through."""
    for _, each in _filters(bootstrap):
        if rbac.action(each) == "ALLOW":
            yield from rbac.policies(each)


def _anyone(bootstrap: Bootstrap) -> Iterator[Found]:
    for policy in _allowing(bootstrap):
        everything = any(each.get("any").is_true for each in policy.get("permissions").items())
        for principal in policy.get("principals").items():
            if everything and principal.get("any").is_true:
                yield Found(principal, "everybody may do everything")


def _any_authenticated(bootstrap: Bootstrap) -> Iterator[Found]:
    for policy in _allowing(bootstrap):
        for place in rbac.authenticated(policy.get("principals")):
            if not place.get("principal_name"):
                yield Found(place, "whoever brings a certificate may call")
        for place in rbac.mtls(policy.get("principals")):
            if not place.get("san_matcher"):
                yield Found(place, "whoever brings a valid certificate may call")


def _deny(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain, each in _filters(bootstrap):
        if rbac.action(each) == "DENY" and chain.tls and resumes(chain.tls):
            for policy in rbac.policies(each):
                principals = policy.get("principals")
                for place in (*rbac.mtls(principals), *rbac.authenticated(principals)):
                    yield Found(place, "a resumed session matches no identity, so it is not denied")


def _switched_off(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        for place in messages(chain.place.get("filters"), "RBACPerRoute"):
            if chain.is_mutual and not rbac.is_enforcing(place.get("rbac")):
                yield Found(place, "on this route the RBAC filter refuses nobody")


RULES = (
    warning(
        "rbac-missing",
        "a mutual-TLS listener without RBAC leaves all authorisation to the TLS handshake",
        "add an RBAC filter that allows mtls_authenticated principals",
        _missing,
    ),
    error(
        "rbac-not-enforced",
        "RBAC with shadow rules only, with action LOG or without rules refuses nobody",
        "move shadow_rules to rules, with action: ALLOW",
        _unenforced,
    ),
    error(
        "rbac-anyone",
        "an ALLOW policy of any permission for any principal lets everybody in",
        "name the callers with mtls_authenticated",
        _anyone,
    ),
    error(
        "rbac-any-authenticated",
        "authenticated without principal_name, or mtls_authenticated without san_matcher, "
        "matches every certificate",
        "name the callers with mtls_authenticated and san_matcher",
        _any_authenticated,
    ),
    error(
        "rbac-deny-identity",
        "on a resumed session identities match nothing, so DENY by identity lets it through",
        "allow by identity instead, and switch resumption off",
        _deny,
    ),
    error(
        "rbac-off-for-route",
        "an RBACPerRoute without rules switches RBAC off for its route",
        "give it rbac.rules, or take it away",
        _switched_off,
    ),
)
