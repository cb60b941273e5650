"""SDS over the real socket of a real agent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from support import client_command
from support.agent_process import AgentProcess
from support.client_command import Done

from accredit.sds_server.proto import discovery_pb2 as pb

_SERVICE = "/envoy.service.secret.v3.SecretDiscoveryService/"
_ME = "spiffe://prod.example/me"
_ENTRY = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
    hint: internal
    ttl: 4s
  - id: /other
    selectors: ["unix:uid:54321"]
"""
_NOBODY = "trust_domain: prod.example\nentries: []\n"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path_factory.mktemp("agent"), _ENTRY).running() as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[AgentProcess]:
    with AgentProcess(tmp_path, _NOBODY).running() as running:
        yield running


@asynccontextmanager
async def stream(
    agent: AgentProcess, method: str = "StreamSecrets"
) -> AsyncGenerator[grpc.aio.StreamStreamCall[bytes, bytes], None]:
    # No security header: Envoy does not send one.
    async with grpc.aio.insecure_channel(f"unix:{agent.socket}") as channel:
        start: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        start = channel.stream_stream(_SERVICE + method)
        call = start()
        try:
            yield call
        finally:
            call.cancel()


async def hear(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> pb.DiscoveryResponse:
    async with asyncio.timeout(60):
        message = await call.read()
    assert isinstance(message, bytes)
    return pb.DiscoveryResponse.FromString(message)


def ledger(agent: AgentProcess) -> tuple[str, dict[str, Any]]:
    text = agent.command("status", "--output=json", "-c", agent.config)
    return text, json.loads(text)["sds"]


async def wait_for_state(agent: AgentProcess, state: str) -> None:
    """Wait until the one connection's one name is in ``state``."""
    async with asyncio.timeout(60):
        while True:
            _, status = await asyncio.to_thread(ledger, agent)
            lines = [each for one in status["connections"] for each in one["secrets"]]
            if [line["state"] for line in lines] == [state]:
                return


def sds(agent: AgentProcess, *arguments: str) -> Done:
    return client_command.run(agent.socket, "sds", *arguments)


def secrets(done: Done) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    assert "PRIVATE KEY" not in done.stdout
    return {each["name"]: each for each in json.loads(done.stdout)["secrets"]}


@pytest.mark.parametrize("delta", [(), ("--delta",)])
def test_every_name_of_spire_is_served(agent: AgentProcess, delta: tuple[str, ...]) -> None:
    names = ["default", _ME, "hint:internal", "ROOTCA", "ALL", "spiffe://prod.example"]
    found = secrets(sds(agent, "fetch", *delta, "--output=json", *names))
    assert sorted(found) == sorted(names)
    for name in names[:3]:
        assert found[name]["spiffe_id"] == _ME
    for name in names[3:]:
        assert list(found[name]["roots"]) == ["prod.example"]


def test_no_name_brings_everything_by_its_id(agent: AgentProcess) -> None:
    assert sorted(secrets(sds(agent, "fetch", "--output=json"))) == ["spiffe://prod.example", _ME]


def test_another_callers_certificate_does_not_come_whatever_a_node_is_called(
    agent: AgentProcess,
) -> None:
    other = "spiffe://prod.example/other"
    done = sds(agent, "fetch", "--timeout=3", f"--node-id={other}", "default", other)
    assert done.returncode == 1
    assert "not sent within 3 s: spiffe://prod.example/other" in done.stderr
    assert _ME in done.stdout


def test_what_can_never_come_is_said_at_once_by_delta(agent: AgentProcess) -> None:
    done = sds(agent, "fetch", "--delta", "default", "file-root:system")
    assert done.returncode == 1
    assert "the server says there will never be file-root:system" in done.stderr


def test_a_watch_shows_each_rotation_and_ends_when_interrupted(agent: AgentProcess) -> None:
    watching = ["watch", "--updates=2", "--output=json", "default"]
    lines = sds(agent, *watching).stdout.splitlines()
    first, second = (json.loads(line)["secrets"][0] for line in lines)
    assert first["serial"] != second["serial"]
    assert first["version"] != second["version"]
    command = [sys.executable, "-m", "accredit", "sds", "watch", "--socket"]
    with subprocess.Popen(
        [*command, f"unix://{agent.socket}", "default"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("SECRET")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in {0, 1}


def test_wrong_use_and_nobody_there_are_told_apart(agent: AgentProcess, tmp_path: Path) -> None:
    assert sds(agent, "fetch", "--socket=nonsense").returncode == 2
    done = sds(agent, "fetch", f"--socket=unix://{tmp_path}/nowhere", "default")
    assert done.returncode == 1
    assert "UNAVAILABLE" in done.stderr


async def test_a_refused_secret_is_counted_shown_and_not_sent_again(agent: AgentProcess) -> None:
    async with stream(agent) as call:
        request = pb.DiscoveryRequest(resource_names=["ROOTCA"], node={"id": "sidecar-7"})  # type: ignore[arg-type]
        await call.write(request.SerializeToString())
        first = await hear(call)
        request.response_nonce = first.nonce
        request.error_detail.message = f"bad {first.resources[0].value!r}"
        await call.write(request.SerializeToString())
        await wait_for_state(agent, "refused")
        text, status = ledger(agent)
    assert status["counters"]["nacks"] == 1
    (refusal,) = status["recent_refusals"]
    assert (refusal["node"], refusal["name"]) == ("sidecar-7", "ROOTCA")
    assert refusal["version"] == first.version_info
    (line,) = status["connections"][0]["secrets"]
    assert (line["state"], line["pushes"]) == ("refused", 1)
    assert "CERTIFICATE" not in text


async def test_a_parked_name_comes_within_a_second_of_its_entry(empty: AgentProcess) -> None:
    async with stream(empty) as call:
        request = pb.DiscoveryRequest(resource_names=["default"])
        await call.write(request.SerializeToString())
        await wait_for_state(empty, "parked")
        head = empty.config.read_text().split("trust_domain")[0]
        empty.config.write_text(head + _ENTRY)
        async with asyncio.timeout(30):
            message = await hear(call)
    assert len(message.resources) == 1


@pytest.mark.parametrize("method", ["StreamSecrets", "DeltaSecrets"])
async def test_a_broken_request_is_refused_with_a_reason(agent: AgentProcess, method: str) -> None:
    async with stream(agent, method) as call:
        await call.write(b"\xff")
        with pytest.raises(grpc.aio.AioRpcError, match="not a discovery request") as refused:
            await call.read()
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_client_that_closes_its_half_is_answered_first(agent: AgentProcess) -> None:
    async with stream(agent) as call:
        await call.write(pb.DiscoveryRequest(resource_names=["ROOTCA"]).SerializeToString())
        await call.done_writing()
        assert len((await hear(call)).resources) == 1
        assert await call.read() is grpc.aio.EOF


async def test_a_fetch_is_answered_once(agent: AgentProcess) -> None:
    async with grpc.aio.insecure_channel(f"unix:{agent.socket}") as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        ask = channel.unary_unary(_SERVICE + "FetchSecrets")
        wanted = pb.DiscoveryRequest(resource_names=["default", "ALL"])
        answer = pb.DiscoveryResponse.FromString(await ask(wanted.SerializeToString()))
        assert len(answer.resources) == 2
        foreign = pb.DiscoveryRequest(resource_names=["spiffe://prod.example/other"])
        with pytest.raises(grpc.aio.AioRpcError, match="not entitled") as refused:
            await ask(foreign.SerializeToString())
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
