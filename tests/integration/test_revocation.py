"""Revocation with a real agent, through its command line; strangers verify."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.agent_process import AgentProcess

from accredit.agent.client import X509_CONTEXT, WorkloadApiClient
from accredit.rotation.clock import SystemClock
from accredit.workload_api.contexts import X509Context
from accredit.workload_api.endpoint import UnixEndpoint
from accredit.workload_api.held import Held

_CONFIG = f"""trust_domain: td.example
entries:
  - {{id: /me, selectors: ["unix:uid:{os.geteuid()}"]}}
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    found = AgentProcess(tmp_path, _CONFIG)
    with found.running():
        yield found


def operator(agent: AgentProcess, *arguments: str | Path) -> Any:
    admin = ("--admin-socket", agent.admin_socket, "--output", "json")
    return json.loads(agent.command("revoke", *arguments, *admin))


def explained(agent: AgentProcess, which: str) -> list[str]:
    """Return some of the entries that ``entry explain`` names for this process."""
    how = ("--admin-socket", agent.admin_socket, "--output", "json")
    (found,) = json.loads(agent.command("entry", "explain", str(os.getpid()), *how))["processes"]
    return [each["id"] for each in found[which]]


def fetched(agent: AgentProcess, name: str) -> Path:
    folder = agent.folder / name
    socket = f"unix://{agent.socket}"
    agent.command("api", "fetch", "x509", "--socket", socket, "--write", folder)
    return folder


def openssl_says(folder: Path, leaf: Path) -> str:
    """Verify with what the Workload API has served into ``folder``; return what went wrong."""
    openssl = needs.program("openssl", apt="openssl")
    roots, lists = folder / "bundle.td.example.pem", folder / "crl.td.example.pem"
    command: list[str | Path] = [
        openssl,
        "verify",
        "-crl_check_all",
        "-CAfile",
        roots,
        "-CRLfile",
        lists,
        leaf,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert bool(done.returncode) is bool(done.stderr)
    return done.stderr


async def next_held(
    states: AsyncGenerator[Held[X509Context], None],
) -> Held[X509Context]:
    async with asyncio.timeout(30):
        return await anext(states)


@pytest.mark.rows("XS-18", "XB-08")
def test_openssl_refuses_what_was_revoked_by_the_lists_of_the_workload_api(
    agent: AgentProcess,
) -> None:
    before = fetched(agent, "before")
    assert not (before / "crl.td.example.pem").exists()
    stolen = before / "svid.0.pem"
    assert len(operator(agent, "svid", "--file", stolen)["revoked"]) == 1
    after = fetched(agent, "after")
    assert "certificate revoked" in openssl_says(after, stolen)
    assert openssl_says(after, after / "svid.0.pem") == ""

    agent.kill()
    agent.start()
    again = fetched(agent, "again")
    assert "certificate revoked" in openssl_says(again, stolen)
    assert openssl_says(again, after / "svid.0.pem") == ""


async def test_a_holder_that_watches_gets_another_svid_and_loses_it_with_its_entry(
    agent: AgentProcess,
) -> None:
    clock = SystemClock()
    client = WorkloadApiClient(UnixEndpoint(str(agent.socket)), clock)
    try:
        async with aclosing(client.watch(X509_CONTEXT)) as states:
            first = (await next_held(states)).material
            assert first is not None
            serial = first.default.serial
            await asyncio.to_thread(operator, agent, "svid", serial)
            held = (await next_held(states)).material
            # The lists may come before the new SVID.
            while held is not None and held.default.serial == serial:
                held = (await next_held(states)).material
            assert held is not None
            assert held.default.key.public_key() != first.default.key.public_key()
            assert held.bundles.crl

            gone = await asyncio.to_thread(operator, agent, "entry", "/me")
            assert [each["serial"] for each in gone["revoked"]] == [held.default.serial]
            while held is not None:
                held = (await next_held(states)).material
            assert explained(agent, "revoked") == ["spiffe://td.example/me"]
            await asyncio.to_thread(operator, agent, "lift", "spiffe://td.example/me")
            assert explained(agent, "revoked") == []
            while held is None:
                held = (await next_held(states)).material
            assert held.default.serial not in {serial, gone["revoked"][0]["serial"]}
    finally:
        clock.close()


def test_what_was_signed_is_known_even_if_the_agent_was_killed_right_after(
    agent: AgentProcess,
) -> None:
    socket = f"unix://{agent.socket}"
    shown = agent.command("api", "fetch", "x509", "--socket", socket, "--output", "json")
    agent.kill()
    serial = json.loads(shown)["svids"][0]["serial"]
    agent.start()
    [revoked] = operator(agent, "svid", serial)["revoked"]
    assert (revoked["serial"], revoked["spiffe_id"]) == (serial, "spiffe://td.example/me")
    assert revoked["entry_id"]
    assert "svid revoked" in agent.log.read_text()
    assert f"by_uid={os.geteuid()}" in agent.log.read_text()
