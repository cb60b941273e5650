"""JWT-SVIDs: demanded of callers, and sent along with the app's own requests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import (
    BackoffStrategy,
    HttpProtocolOptions,
    HttpUri,
    RetryPolicy,
)
from envoy_data_plane.envoy.config.rbac.v3 import (
    Permission,
    Policy,
    Principal,
    Rbac,
    RbacAction,
    SourcedMetadata,
)
from envoy_data_plane.envoy.config.route.v3 import RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.credential_injector.v3 import (
    CredentialInjector,
)
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwksAsyncFetch,
    JwtAuthentication,
    JwtHeader,
    JwtProvider,
    JwtRequirement,
    JwtRequirementOrList,
    RemoteJwks,
    RequirementRule,
)
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac as HttpRbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.extensions.http.injected_credentials.generic.v3 import Generic
from envoy_data_plane.envoy.type.matcher.v3 import (
    MetadataMatcher,
    MetadataMatcherPathSegment,
    StringMatcher,
    ValueMatcher,
)

from accredit.envoy import matchers, typed
from accredit.envoy.address import Pipe
from accredit.envoy.clusters import unlimited
from accredit.envoy.endpoints import assignment
from accredit.envoy.http_options import http1
from accredit.envoy.peers import Peer, trust_domains
from accredit.envoy.secret_discovery import secret
from accredit.envoy.sidecar import Inbound, JwtDemand, Outbound, Profile, Sidecar
from accredit.identity.spiffe_id import TrustDomain

_BEARER = "Bearer "
_FILTER = "envoy.filters.http.jwt_authn"
_CLAIMS = "claims"
_LEEWAY_SECONDS = 10  # Envoy's own is a minute, a fifth of a JWT-SVID's life
_REFRESH = timedelta(seconds=10)
_ONE_TRY = timedelta(seconds=2)
_FOR_EVER = 2**32 - 1


def demanded(sidecar: Sidecar, spec: Inbound) -> list[HttpFilter]:
    """Return what refuses requests without the JWT-SVID that ``spec`` demands."""
    return [_verify(sidecar.profile, spec.jwt), _allow(spec.jwt)] if spec.jwt else []


def sent_along(sidecar: Sidecar, spec: Outbound) -> list[HttpFilter]:
    """Return what adds a fresh JWT-SVID to each request; without one none is sent."""
    if not spec.jwt:
        return []
    credential = Generic(
        credential=secret(sidecar, f"jwt:{spec.jwt}"),
        header="Authorization",
        header_value_prefix=_BEARER,
    )
    injector = CredentialInjector(
        overwrite=True,
        credential=typed.extension("envoy.http.injected_credentials.generic", credential),
    )
    return [typed.http_filter("credential_injector", injector)]


def jwks_clusters(sidecar: Sidecar) -> list[Cluster]:
    """Return the sockets where the keys of JWT-SVIDs are served."""
    demands = [spec.jwt for spec in sidecar.inbound if spec.jwt]
    return [_jwks_cluster(path) for path in sorted({demand.jwks for demand in demands})]


def _jwks_cluster(path: str) -> Cluster:
    name = _cluster_name(path)
    return Cluster(
        name=name,
        type=ClusterDiscoveryType.STATIC,
        connect_timeout=timedelta(seconds=1),
        typed_extension_protocol_options=http1(HttpProtocolOptions(max_stream_duration=_ONE_TRY)),
        circuit_breakers=unlimited(),  # by default three tries at a time may be second ones
        load_assignment=assignment(name, [Pipe(path)]),
    )


def _cluster_name(path: str) -> str:
    return f"jwks:{path}"


def _verify(profile: Profile, demand: JwtDemand) -> HttpFilter:
    names = sorted(trust_domains(demand.subjects))
    rule = RequirementRule(match=RouteMatch(prefix="/"), requires=_any_of(names))
    return typed.http_filter(
        "jwt_authn",
        JwtAuthentication(
            providers={str(name): _provider(name, profile, demand) for name in names}, rules=[rule]
        ),
    )


def _any_of(names: Iterable[TrustDomain]) -> JwtRequirement:
    each = [JwtRequirement(provider_name=str(name)) for name in names]
    return each[0] if len(each) == 1 else JwtRequirement(requires_any=JwtRequirementOrList(each))


def _provider(trust_domain: TrustDomain, profile: Profile, demand: JwtDemand) -> JwtProvider:
    """Return the verifier of one trust domain's tokens: its keys speak for its own IDs only."""
    # SPIRE's OIDC discovery provider has one document, with the keys of its own trust domain.
    path = "keys" if profile is Profile.SPIRE else trust_domain
    uri = HttpUri(
        uri=f"http://jwks/{path}",
        cluster=_cluster_name(demand.jwks),
        timeout=timedelta(0),  # of all tries together; each is bounded by the cluster
    )
    # The listener waits for the first fetch, good or not. One that is tried until it is good keeps
    # it closed, and in a hot restart the parent serving, rather than answering 401 to good tokens.
    backoff = BackoffStrategy(
        base_interval=timedelta(milliseconds=100), max_interval=timedelta(seconds=1)
    )
    retry = RetryPolicy(retry_back_off=backoff, num_retries=_FOR_EVER)
    fetch = JwksAsyncFetch(fast_listener=False, failed_refetch_duration=timedelta(seconds=1))
    return JwtProvider(
        audiences=list(demand.audiences),
        subjects=StringMatcher(prefix=f"{trust_domain.id}/"),
        require_expiration=True,
        clock_skew_seconds=_LEEWAY_SECONDS,
        # Envoy would also take a token from the query, which ends up in logs.
        from_headers=[JwtHeader(name="Authorization", value_prefix=_BEARER)],
        forward=demand.forward,
        payload_in_metadata=_CLAIMS,
        remote_jwks=RemoteJwks(
            http_uri=uri, cache_duration=_REFRESH, async_fetch=fetch, retry_policy=retry
        ),
    )


def _subject(peer: Peer) -> MetadataMatcher:
    return MetadataMatcher(
        filter=_FILTER,
        path=[MetadataMatcherPathSegment(key=key) for key in (_CLAIMS, "sub")],
        value=ValueMatcher(string_match=matchers.text(peer)),
    )


def _allow(demand: JwtDemand) -> HttpFilter:
    principals = [
        Principal(sourced_metadata=SourcedMetadata(metadata_matcher=_subject(subject)))
        for subject in demand.subjects
    ]
    policy = Policy(permissions=[Permission(any=True)], principals=principals)
    rules = Rbac(action=RbacAction.ALLOW, policies={"subjects": policy})
    return typed.http_filter("rbac", HttpRbac(rules=rules, rules_stat_prefix="jwt_"))
