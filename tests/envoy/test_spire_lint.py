"""A bootstrap as SPIRE's users write it, at a real SPIRE, before and after ``envoy lint --fix``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import spire
from support.envoy_process import EnvoyProcess, own_copy
from support.http_envoy import pipe_cluster, typed
from support.sidecar import app, caller, legacy_app
from support.sidecar_pair import CALLER, free_port
from support.spire_callers import THIS_PROGRAM, fetched

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Protocol

# What nobody but the operator can cure: who may call.
_LEFT = {"rbac-missing"}


def _secret(name: str) -> dict[str, Any]:
    service = {"envoy_grpc": {"cluster_name": "spire_agent"}}
    source = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": service}
    return {
        "name": name,
        "sds_config": {"resource_api_version": "V3", "api_config_source": source},
    }


def _bootstrap(socket: Path, listen: Endpoint, to: Endpoint) -> dict[str, Any]:
    """Return TCP behind mutual TLS, by SPIRE's names ``default`` and ``ROOTCA``."""
    san = {"san_type": "URI", "matcher": {"exact": str(CALLER)}}
    context = {
        "tls_certificate_sds_secret_configs": [_secret("default")],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [san]},
            "validation_context_sds_secret_config": _secret("ROOTCA"),
        },
    }
    tls = typed(
        "envoy.transport_sockets.tls",
        "transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context=context,
    )
    proxy = typed(
        "envoy.filters.network.tcp_proxy",
        "filters.network.tcp_proxy.v3.TcpProxy",
        cluster="app",
        stat_prefix="in",
    )
    there = {"endpoint": {"address": _address(to)}}
    local = {"cluster_name": "app", "endpoints": [{"lb_endpoints": [there]}]}
    listener = {
        "name": "in",
        "address": _address(listen),
        "filter_chains": [{"filters": [proxy], "transport_socket": tls}],
    }
    clusters = [
        {"name": "app", "type": "STATIC", "load_assignment": local},
        pipe_cluster("spire_agent", socket, http2=True),
    ]
    return {
        "node": {"id": "web", "cluster": "web"},
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }


def _address(at: Endpoint) -> dict[str, Any]:
    return {"socket_address": {"address": at.host, "port_value": at.port}}


def _lint(file: Path, *options: str) -> set[str]:
    """Return the names of the rules that are broken."""
    command = [sys.executable, "-m", "accredit", "envoy", "lint", str(file), *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return set(re.findall(r"\[(?:error|warning) ([a-z0-9-]+)\]$", done.stdout, re.MULTILINE))


def test_it_serves_spires_callers_as_written_and_as_cured(folder: Path) -> None:
    program, at, mtls = own_copy(folder), free_port(), free_port()
    with spire.running(folder, "td.example") as agent, app.serving(at, legacy_app.talk):
        agent.create("/server", selector=f"unix:path:{folder}/envoy")
        agent.create("/caller", selector=THIS_PROGRAM)
        certificate = fetched(agent, folder)
        file = folder / "written.json"
        file.write_text(json.dumps(_bootstrap(agent.socket, mtls, at)))
        broken = _lint(file)
        assert {"sds-turns-ready", "sds-back-off", "session-resumption"} <= broken
        _serve(program, file, mtls, certificate)
        _lint(file, "--fix")
        assert _lint(file) == _LEFT
        _serve(program, file, mtls, certificate)


def _serve(program: Path, file: Path, mtls: Endpoint, certificate: Path) -> None:
    folder = program.parent
    envoy = EnvoyProcess(folder, bootstrap=json.loads(file.read_text()), program=program)
    with envoy.running():
        envoy.wait_until_ready()
        assert caller.is_served(Protocol.HTTP, mtls, certificate)
        assert not caller.is_served(Protocol.HTTP, mtls, None)
