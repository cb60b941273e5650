from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agent_process import AgentProcess

PROGRAM = Path(__file__).with_name("reflection_program.py")
_CONFIG = f"""\
trust_domain: prod.example
entries: [{{id: /web, selectors: ["unix:uid:{os.geteuid()}"]}}]
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), _CONFIG).running() as running:
        yield running


@pytest.mark.rows("WE-27", "WE-28", "WE-29", "WE-30")
@pytest.mark.parametrize("package", ["grpc.reflection.v1", "grpc.reflection.v1alpha"])
def test_a_client_without_proto_files_learns_the_api_and_calls_it(
    agent: AgentProcess, package: str
) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, f"unix:{agent.socket}", package],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == {
        "services": [
            "SpiffeWorkloadAPI",
            "envoy.service.secret.v3.SecretDiscoveryService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ],
        "methods": [
            "FetchX509SVID",
            "FetchX509Bundles",
            "FetchJWTSVID",
            "FetchJWTBundles",
            "ValidateJWTSVID",
            "FetchWITSVID",
            "FetchWITBundles",
        ],
        "ids": ["spiffe://prod.example/web"],
    }
