"""What an agent carries in memory: what nobody has asked for is not loaded, and is once it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2
from support.agent_process import AgentProcess
from support.eventually import eventually
from support.unix_http import get

_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
  - id: /files
    selectors: ["output:later"]
"""
# The child that checks the configuration leaves by os._exit, which writes no list.
_TELLING = """\
import atexit, gc, os, sys
def tell():
    about_gc = f"collecting:{gc.isenabled()} spared:{gc.get_freeze_count() > 10_000}"
    open(os.environ["LOADED"], "w").write("\\n".join([*sys.modules, about_gc]))
atexit.register(tell)
from accredit.agent.cli import main
main()
"""

_NEVER = {
    "accredit.agent.config": "the file is checked by a child",
    "pydantic": "the child's",
    "envoy_data_plane": "tens of megabytes; for commands",
    "accredit.agent.client": "for commands",
}
_ON_DEMAND = {
    "jwt": "PyJWT brings urllib and http.client: with the first JWT-SVID",
    "urllib.request": "PyJWT's",
    "http.client": "PyJWT's",
    "h11": "with the first connection over HTTP",
    "google.protobuf.descriptor_pb2": "with the first question to reflection",
    "grpc_reflection.v1alpha.reflection_pb2": "the same",
    "accredit.file_output.output": "with the first output",
}
_IF_SWITCHED_ON = {
    "httpx": "containers, kubernetes",
    "dbus_fast": "systemd",
    "prometheus_client": "metrics",
    "tpm2_pytss": "a TPM",
    "accredit.attestation.containers.attestor": "containers",
    "accredit.attestation.kubernetes.attestor": "kubernetes",
    "accredit.authority.federation.fetch": "relationships",
    "accredit.agent.bundle_endpoint.build": "an endpoint",
}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    made = AgentProcess(tmp_path, _CONFIG)
    made._command = (sys.executable, "-c", _TELLING)
    made._how["env"]["LOADED"] = str(tmp_path / "loaded")
    with made.running():
        assert "spiffe://prod.example/me" in made.command("api", "fetch", "x509", _address(made))
        assert made.command("sds", "fetch", "default", _address(made))
        yield made


def _address(agent: AgentProcess) -> str:
    return f"--socket=unix://{agent.socket}"


def _loaded(agent: AgentProcess) -> set[str]:
    assert agent.stop() == 0, agent.log.read_text()
    found = set((agent.folder / "loaded").read_text().split())
    assert {"accredit.agent.wiring", "grpc", "sqlite3"} <= found
    assert {"collecting:True", "spared:True"} <= found
    return found


def test_an_agent_that_serves_x509_svids_has_loaded_nothing_else(agent: AgentProcess) -> None:
    unwanted = _NEVER | _ON_DEMAND | _IF_SWITCHED_ON
    there = _loaded(agent) & set(unwanted)
    assert not there, "\n".join(f"{name}: {unwanted[name]}" for name in sorted(there))


async def test_what_is_asked_for_later_is_loaded_then(agent: AgentProcess) -> None:
    assert agent.command("api", "fetch", "jwt", "--audience=a", _address(agent))
    status, body = get(agent.socket.with_name("jwks.sock"), "/prod.example")
    assert (status, b'"keys"' in body) == (200, True)
    assert "SpiffeWorkloadAPI" in _services(agent)
    folder = agent.folder / "files"
    with agent.config.open("a") as config:
        config.write(f"outputs: [{{name: later, profile: pem, folder: {folder}}}]\n")
    agent.send(signal.SIGHUP)
    await eventually(folder.exists)
    assert set(_ON_DEMAND) <= _loaded(agent)


def _services(agent: AgentProcess) -> set[str]:
    with grpc.insecure_channel(f"unix:{agent.socket}") as channel:
        ask = channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = ask(iter([question]), timeout=30)
    return {each.name for each in answer.list_services_response.service}


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_the_daemon_loads_neither_client_nor_demo_nor_checker() -> None:
    loaded = modules_after("import accredit.agent.process as process; process._load()")
    assert "accredit.agent.wiring" in loaded
    unwanted = {"pydantic", "envoy_data_plane", "rich", "http.server", "accredit.agent.cli_api"}
    unwanted |= {"accredit.agent.client", "accredit.agent.demo", "accredit.agent.config"}
    unwanted |= {"httpx", "accredit.attestation.containers.attestor"}
    unwanted |= {"accredit.authority.federation.fetch"}
    assert not loaded & unwanted


def test_nothing_with_threads_is_loaded_before_the_process_forks() -> None:
    assert not modules_after("import accredit.agent.cli_run, accredit.agent.process") & {"grpc"}
