"""Bootstraps of plain HTTP Envoys with filters of a test's choice, in the words of Envoy's API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accredit.envoy.sidecar import Endpoint

_TYPE = "type.googleapis.com/envoy.extensions."
Json = dict[str, Any]


def typed(name: str, kind: str, **config: Any) -> Json:
    """Return an extension's configuration; ``kind`` is its message, without the package's head."""
    return {"name": name, "typed_config": {"@type": _TYPE + kind, **config}}


def pipe_cluster(name: str, path: Path, *, http2: bool) -> Json:
    """Return a cluster that is one unix socket."""
    address = {"pipe": {"path": str(path)}}
    return _cluster(name, address, _http2() if http2 else {})


def bootstrap(listen: Endpoint, app: Endpoint, filters: list[Json], *clusters: Json) -> Json:
    """Return a proxy from ``listen`` to ``app``."""
    router = typed("envoy.filters.http.router", "filters.http.router.v3.Router")
    route = {"match": {"prefix": "/"}, "route": {"cluster": "app"}}
    manager = typed(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="in",
        http_filters=[*filters, router],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    )
    listener = {
        "name": "in",
        "address": _address(listen),
        "filter_chains": [{"filters": [manager]}],
    }
    return {
        "node": {"id": "test", "cluster": "test"},
        "static_resources": {
            "listeners": [listener],
            "clusters": [_cluster("app", _address(app), {}), *clusters],
        },
    }


def injector(name: str, *, delta: bool = False, timeout: str = "0s") -> Json:
    """Return a filter that adds the generic secret ``name`` as a bearer token."""
    secret = {"name": name, "sds_config": _sds_config(delta=delta, timeout=timeout)}
    credential = typed(
        "envoy.http.injected_credentials.generic",
        "http.injected_credentials.generic.v3.Generic",
        credential=secret,
        header="Authorization",
        header_value_prefix="Bearer ",
    )
    return typed(
        "envoy.filters.http.credential_injector",
        "filters.http.credential_injector.v3.CredentialInjector",
        overwrite=True,
        allow_request_without_credential=False,
        credential=credential,
    )


def verifier(trust_domain: str, audience: str) -> Json:
    """Return a filter that demands a JWT-SVID of that trust domain; keys come from ``jwks``."""
    uri = {"uri": f"http://jwks/{trust_domain}", "cluster": "jwks", "timeout": "0s"}
    fetch = {"fast_listener": False, "failed_refetch_duration": "0.5s"}
    provider = {
        "subjects": {"prefix": f"spiffe://{trust_domain}/"},
        "audiences": [audience],
        "require_expiration": True,
        "clock_skew_seconds": 1,
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "remote_jwks": {
            "http_uri": uri,
            "cache_duration": "1s",
            "async_fetch": fetch,
            "retry_policy": {
                "num_retries": 2**32 - 1,
                "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"},
            },
        },
    }
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": trust_domain}}
    return typed(
        "envoy.filters.http.jwt_authn",
        "filters.http.jwt_authn.v3.JwtAuthentication",
        providers={trust_domain: provider},
        rules=[rule],
    )


def _sds_config(*, delta: bool, timeout: str) -> Json:
    retry = {"retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}}
    envoy_grpc = {"cluster_name": "agent", "retry_policy": retry}
    return {
        "resource_api_version": "V3",
        "initial_fetch_timeout": timeout,
        "api_config_source": {
            "api_type": "DELTA_GRPC" if delta else "GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [{"envoy_grpc": envoy_grpc}],
        },
    }


def _cluster(name: str, address: Json, more: Json) -> Json:
    endpoint = {"endpoint": {"address": address}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "load_assignment": assignment, **more}


def _address(at: Endpoint) -> Json:
    return {"socket_address": {"address": at.host, "port_value": at.port}}


def _http2() -> Json:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options: Json = {"@type": _TYPE + "upstreams.http.v3.HttpProtocolOptions"}
    options["explicit_http_config"] = {"http2_protocol_options": {}}
    return {"typed_extension_protocol_options": {kind: options}}
