"""RBAC filters as rules see them: what they enforce, and by which names."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.place import Place, messages, walk
from accredit.envoy.lint.tls import San

_ACTIONS = ("ALLOW", "DENY", "LOG")
_MTLS = "mtls_authenticated.v3.Config"
_CERTIFICATE_INPUTS = ("UriSanInput", "DnsSanInput", "SubjectInput")


def action(rbac: Place) -> str:
    """Return what the rules do with what they match."""
    return rbac.get("rules", "action").enum(*_ACTIONS) or "ALLOW"


def is_enforcing(rbac: Place) -> bool:
    """Whether the filter can refuse anything."""
    if rbac.get("matcher"):
        return True
    return rbac.get("rules").node is not None and action(rbac) != "LOG"


def policies(rbac: Place) -> Iterator[Place]:
    """Yield the policies that are enforced."""
    for _, policy in rbac.get("rules", "policies").fields():
        yield policy


def mtls(place: Place) -> Iterator[Place]:
    """Yield every mtls_authenticated principal inside."""
    return messages(place, _MTLS)


def authenticated(place: Place) -> Iterator[Place]:
    """Yield every ``authenticated`` principal inside, an empty one too."""
    for here in walk(place):
        if here.path and here.path[-1] == "authenticated" and here.node is not None:
            yield here


def names(place: Place) -> Iterator[San]:
    """Yield what the peer's names are compared with anywhere inside."""
    for found in mtls(place):
        if matcher := found.get("san_matcher"):
            yield San(matcher.get("matcher"), matcher.get("san_type"))
    for found in authenticated(place):
        if matcher := found.get("principal_name"):
            yield San(matcher, matcher.get("san_type"))


def knows_uri_sans(rbac: Place) -> bool:
    """Whether the enforced matcher looks at all URI SANs of the peer at once."""
    return any(True for _ in messages(rbac.get("matcher"), "UriSanInput"))


def is_by_identity(rbac: Place) -> bool:
    """Whether only some peers are let in, by who they are."""
    named = action(rbac) == "ALLOW" and any(True for _ in names(rbac.get("rules")))
    return named or any(True for _ in messages(rbac.get("matcher"), *_CERTIFICATE_INPUTS))
