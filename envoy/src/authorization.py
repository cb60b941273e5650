"""Who may do what: decided a second time after TLS, on the certificate that TLS has validated.

Two filters. The first wants exactly one URI SAN (X509-SVID section 2), and a SPIFFE ID in it.
Envoy's TLS takes the trust domain from the first of them but compares IDs with all, so a federated
authority could put a second one in and pass for somebody else. It also takes any text for a URI,
and writes it into X-Forwarded-Client-Cert as it is: "spiffe://partner.example/x;URI=spiffe://..."
would tell the app of two callers. The second filter allows what the rules say.
"""

from __future__ import annotations

from collections.abc import Sequence

from envoy_data_plane.envoy.config.listener.v3 import Filter
from envoy_data_plane.envoy.config.rbac.v3 import (
    Action,
    Permission,
    PermissionSet,
    Policy,
    Principal,
    Rbac,
    RbacAction,
)
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.filters.network.rbac.v3 import Rbac as NetworkRbac
from envoy_data_plane.envoy.extensions.matching.common_inputs.ssl.v3 import UriSanInput
from envoy_data_plane.envoy.extensions.rbac.principals.mtls_authenticated.v3 import Config as Mtls
from envoy_data_plane.envoy.type.matcher.v3 import PathMatcher, RegexMatcher, StringMatcher
from envoy_data_plane.google.protobuf import Any
from envoy_data_plane.xds.core.v3 import TypedExtensionConfig
from envoy_data_plane.xds.type.matcher.v3 import (
    Matcher,
    MatcherMatcherList,
    MatcherMatcherListFieldMatcher,
    MatcherMatcherListPredicate,
    MatcherMatcherListPredicateSinglePredicate,
    MatcherOnMatch,
    RegexMatcherGoogleRe2,
)
from envoy_data_plane.xds.type.matcher.v3 import RegexMatcher as XdsRegexMatcher
from envoy_data_plane.xds.type.matcher.v3 import StringMatcher as XdsStringMatcher

from accredit.envoy import matchers, typed
from accredit.envoy.field_names import spellings
from accredit.envoy.peers import Peer, Rule

# The input joins all URI SANs with commas, which no SPIFFE ID has. A segment is not "." or "..".
_SEGMENT = r"/(?:\.{0,2}[a-zA-Z0-9_-]|\.{3})[a-zA-Z0-9._-]*"
_ONE_SPIFFE_ID = rf"spiffe://[a-z0-9._-]+(?:{_SEGMENT})+"
# Servers disagree on what these mean, and what one takes for a file below /public another takes
# for /admin: "/public/..;/admin". Where paths decide, such a request is nobody's.
_AMBIGUOUS = (
    r"[;\\]",
    r"%(3[bB]|5[cC]|2[eEfF]|[01].|7[fF])",  # the same encoded, slash, dot, control characters
    r"%25[0-9a-fA-FuU]",  # encoded once more: some servers decode twice
    r"%([^0-9a-fA-F]|$)|%.([^0-9a-fA-F]|$)",  # no encoding, but for who knows %u002f
    r"%[cC][01]%[89aAbB]|%[eE]0%[89]|%[fF]0%8",  # overlong UTF-8: more bytes than needed
)
# Some frameworks take these for the path and the method, whatever the request line says.
_OTHER_PATH = ("x-original-url", "x-rewrite-url")
_OTHER_METHOD = ("x-http-method-override", "x-http-method", "x-method-override")


def http_filters(rules: Sequence[Rule]) -> list[HttpFilter]:
    """Return what lets the requests through that ``rules`` allow."""
    allowed = Rbac(
        action=RbacAction.ALLOW,
        policies={f"rule_{n}": _policy(rule) for n, rule in enumerate(rules)},
    )
    return [
        typed.http_filter("rbac", HttpRbac(matcher=_one_identity(), rules_stat_prefix="one_id_")),
        typed.http_filter("rbac", HttpRbac(rules=allowed, track_per_rule_stats=True)),
    ]


def network_filters(name: str, rules: Sequence[Rule]) -> list[Filter]:
    """Return what lets the connections through that ``rules`` allow; ``name`` is for statistics.

    Raises:
        ValueError: a rule allows some requests only, of which a connection knows nothing.
    """
    if any(rule.is_limited for rule in rules):
        raise ValueError("a rule for connections cannot tell requests apart")
    peers = [peer for rule in rules for peer in rule.peers]
    policy = Policy(permissions=[Permission(any=True)], principals=_principals(peers))
    allowed = Rbac(action=RbacAction.ALLOW, policies={"callers": policy})
    return [
        typed.network_filter(
            "rbac", NetworkRbac(matcher=_one_identity(), stat_prefix=f"{name}_one_id_")
        ),
        typed.network_filter("rbac", NetworkRbac(rules=allowed, stat_prefix=f"{name}_")),
    ]


def _policy(rule: Rule) -> Policy:
    wanted = [each for each in (_methods(rule), _paths(rule)) if each]
    permission = (
        Permission(and_rules=PermissionSet(rules=wanted)) if wanted else Permission(any=True)
    )
    return Policy(permissions=[permission], principals=_principals(rule.peers))


def _principals(peers: Sequence[Peer]) -> list[Principal]:
    return [
        Principal(
            custom=typed.extension(
                "envoy.rbac.principals.mtls_authenticated", Mtls(san_matcher=matchers.san(peer))
            )
        )
        for peer in peers
    ]


def _methods(rule: Rule) -> Permission | None:
    if not rule.methods:
        return None
    wanted = [
        Permission(header=HeaderMatcher(name=":method", string_match=StringMatcher(exact=method)))
        for method in rule.methods
    ]
    return _unless(_present(_OTHER_METHOD), wanted)


def _paths(rule: Rule) -> Permission | None:
    if not rule.paths:
        return None
    strange = [
        _url_path(StringMatcher(safe_regex=RegexMatcher(regex=f".*({each}).*")))
        for each in _AMBIGUOUS
    ]
    return _unless([*strange, *_present(_OTHER_PATH)], [_path(path) for path in rule.paths])


def _unless(none: list[Permission], some: list[Permission]) -> Permission:
    return Permission(
        and_rules=PermissionSet(
            rules=[
                Permission(or_rules=PermissionSet(rules=some)),
                Permission(not_rule=Permission(or_rules=PermissionSet(rules=none))),
            ]
        )
    )


def _present(names: Sequence[str]) -> list[Permission]:
    return [
        Permission(header=HeaderMatcher(name=spelling, present_match=True))
        for name in names
        for spelling in spellings(name)
    ]


def _path(path: str) -> Permission:
    if path.endswith("/*"):
        return _url_path(StringMatcher(prefix=path.removesuffix("*")))
    return _url_path(StringMatcher(exact=path))


def _url_path(matcher: StringMatcher) -> Permission:
    return Permission(url_path=PathMatcher(path=matcher))


def _one_identity() -> Matcher:
    predicate = MatcherMatcherListPredicateSinglePredicate(
        input=_xds("envoy.matching.inputs.uri_san", UriSanInput()),
        value_match=XdsStringMatcher(
            safe_regex=XdsRegexMatcher(google_re2=RegexMatcherGoogleRe2(), regex=_ONE_SPIFFE_ID)
        ),
    )
    matched = MatcherMatcherListFieldMatcher(
        predicate=MatcherMatcherListPredicate(single_predicate=predicate),
        on_match=_decide("one_identity", RbacAction.ALLOW),
    )
    return Matcher(
        matcher_list=MatcherMatcherList(matchers=[matched]),
        on_no_match=_decide("not_one_identity", RbacAction.DENY),
    )


def _decide(name: str, action: RbacAction) -> MatcherOnMatch:
    return MatcherOnMatch(action=_xds(name, Action(name=name, action=action)))


def _xds(name: str, message: UriSanInput | Action) -> TypedExtensionConfig:
    return TypedExtensionConfig(name=name, typed_config=Any.pack(message))
