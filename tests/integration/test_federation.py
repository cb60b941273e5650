"""A real agent that fetches a partner's bundle, as its workloads and its operator see it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support.agent_process import AgentProcess
from support.bundle_endpoint import Endpoint, document, endpoint, says, server_context
from support.ca import TestCa
from support.eventually import eventually
from support.federating import PARTNER, SERVER
from support.federating_agent import FEDERATION, client_of, write_bootstrap
from support.token import Token

from accredit.agent.client import JWT_BUNDLES, X509_BUNDLES, WorkloadApiClient
from accredit.identity.errors import RequestError, X509SvidError
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.clock import SystemClock

_SECOND = timedelta(seconds=1)
_OWN = TrustDomain("prod.example")
_OURS, _THEIRS = "spiffe://prod.example/me", "spiffe://partner.example/me"
_BASE = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
    federates_with: [partner.example]
"""
_FILES = """\
  - id: /files
    selectors: ["output:pem"]
    federates_with: [partner.example]
outputs:
  - {profile: pem, folder: files}
"""


@pytest.fixture
def partner(tmp_path: Path) -> TestCa:
    ca = TestCa(PARTNER, now=datetime.now(UTC))
    write_bootstrap(tmp_path, ca.bundle(sequence=1))
    return ca


@pytest.fixture
async def server(partner: TestCa, tmp_path: Path) -> AsyncIterator[Endpoint]:
    context = server_context(tmp_path, partner.issue(SERVER))
    served = partner.bundle(sequence=7, refresh_hint=_SECOND)
    async with endpoint(context, says(document(served))) as found:
        yield found


async def listed(agent: AgentProcess) -> Any:
    """Return the one relationship, as its operator sees it."""
    where = f"--admin-socket={agent.admin_socket}"
    text = await asyncio.to_thread(agent.command, "bundle", "list", "--output=json", where)
    (view,) = json.loads(text)
    return view


async def gets(agent: AgentProcess, *authorities: TestCa) -> None:
    """Wait until a workload gets just these of the partner's roots."""
    command = ("api", "fetch", "bundles", f"--socket=unix://{agent.socket}")
    wanted = {f"{each.root.serial_number:x}" for each in authorities}
    async with asyncio.timeout(60):
        while wanted != await asyncio.to_thread(_roots, agent, *command):
            await asyncio.sleep(0.1)


def _roots(agent: AgentProcess, *command: str) -> set[str]:
    found = re.findall(
        r"^spiffe://partner\.example +([0-9a-f]{20,}) ", agent.command(*command), re.MULTILINE
    )
    return set(found)


def _roots_in(file: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(file.read_bytes()) if file.exists() else []


@asynccontextmanager
async def running(folder: Path, config: str) -> AsyncIterator[AgentProcess]:
    agent = AgentProcess(folder, config)
    await asyncio.to_thread(agent.start)
    try:
        yield agent
    finally:
        await asyncio.to_thread(agent.kill)


@pytest.mark.rows("FC-25", "FC-31", "FC-32", "FC-33")
async def test_a_partners_rotation_reaches_workloads_and_files_and_outlives_partner_and_agent(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    config = _BASE + _FILES + FEDERATION.format(url=server.url())
    new = TestCa(PARTNER, now=datetime.now(UTC))
    file = tmp_path / "files/ca-partner.example.crt"
    async with running(tmp_path, config) as agent:
        await gets(agent, partner)
        await eventually(lambda: _roots_in(file) == [partner.root])
        both = replace(
            partner.bundle(sequence=8, refresh_hint=_SECOND),
            x509_authorities=(partner.root, new.root),
        )
        server.talk = says(document(both))
        await gets(agent, partner, new)
        await eventually(lambda: _roots_in(file) == [partner.root, new.root])
        server.talk = says(b"")
    async with running(tmp_path, config) as agent:
        await gets(agent, partner, new)
        view = await listed(agent)
        assert (view["bundle"]["origin"], view["bundle"]["sequence"]) == ("endpoint", 8)
        assert view["succeeded"] is not None  # by the agent before
        agent.config.write_text(agent.config.read_text().partition("federation:")[0])
        await gets(agent)
        await eventually(lambda: not file.exists())
        own = _roots_in(tmp_path / "files/ca.crt")
        assert own
        assert partner.root not in own


async def test_an_operator_may_set_a_bundle_and_forget_it(partner: TestCa, tmp_path: Path) -> None:
    new = TestCa(PARTNER, now=datetime.now(UTC))
    pem = tmp_path / "new.pem"
    pem.write_bytes(new.bundle().x509_pem)
    config = _BASE + FEDERATION.format(url="https://127.0.0.1:1/")
    async with running(tmp_path, config) as agent:
        await gets(agent, partner)
        where = f"--admin-socket={agent.admin_socket}"
        await asyncio.to_thread(agent.command, "bundle", "set", "partner.example", pem, where)
        await gets(agent, new)
        assert (await listed(agent))["bundle"]["origin"] == "operator"
        await asyncio.to_thread(agent.command, "bundle", "delete", "partner.example", where)
        await gets(agent, partner)
        assert (await listed(agent))["error"].startswith("no connection to 127.0.0.1:1")
        text = await asyncio.to_thread(agent.command, "bundle", "list", where)
        assert "partner.example  bootstrap    1" in text


async def test_a_mistake_in_the_file_ends_no_relationship(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    config = _BASE + FEDERATION.format(url=server.url())
    async with running(tmp_path, config) as agent:
        await gets(agent, partner)
        agent.config.write_text(config.replace("https://", "http://"))
        error = "federation.relationships[0].url"
        await eventually(lambda: error in agent.log.read_text())
        await gets(agent, partner)


@pytest.mark.rows("FC-35")
async def test_a_bootstrap_bundle_that_others_can_write_counts_for_nothing(
    server: Endpoint, partner: TestCa, tmp_path: Path
) -> None:
    (tmp_path / "bootstrap.json").chmod(0o666)
    async with running(tmp_path, _BASE + FEDERATION.format(url=server.url())) as agent:
        await gets(agent)
        assert (await listed(agent))["bundle"] is None
        where = f"--admin-socket={agent.admin_socket}"
        status = await asyncio.to_thread(agent.command, "status", where)
        assert "federation with partner.example: there is no bundle, nothing of it" in status
        assert "can be written by every user" in agent.log.read_text()
    assert server.connections == 0
    del partner


@pytest.mark.rows("SV-07", "WC-18", "VJ-07")
async def test_a_partners_keys_speak_for_its_own_trust_domain_alone(
    partner: TestCa, tmp_path: Path
) -> None:
    config = _BASE + FEDERATION.format(url="https://127.0.0.1:1/")
    async with running(tmp_path, config) as agent:
        await gets(agent, partner)
        with closing(SystemClock()) as clock:
            client = client_of(agent, clock)
            await _vouches_for_its_own_certificates(client, partner, clock.now())
            await _vouches_for_its_own_tokens(client, partner, clock.now())


async def _vouches_for_its_own_certificates(
    client: WorkloadApiClient, partner: TestCa, now: datetime
) -> None:
    bundles = await client.fetch(X509_BUNDLES)
    assert set(bundles.bundles) == {_OWN, PARTNER}
    assert str(bundles.verify(partner.issue(_THEIRS).chain, now)) == _THEIRS
    with pytest.raises(X509SvidError, match="candidates exhausted"):
        bundles.verify(partner.issue(_OURS).chain, now)


async def _vouches_for_its_own_tokens(
    client: WorkloadApiClient, partner: TestCa, now: datetime
) -> None:
    (own,) = (await client.fetch(JWT_BUNDLES)).bundles[_OWN].jwt_authorities
    kid = {"kid": partner.jwt_authority.key_id}
    honest = Token(partner.jwt_key, kid, {"sub": _THEIRS, "aud": "db"}, now=now)
    assert str((await client.validate(str(honest), "db")).spiffe_id) == _THEIRS
    forged = honest.but(claims={"sub": _OURS, "aud": "db"})
    for header, reason in (
        (kid, "no key of the subject's trust domain fits"),
        ({"kid": own.key_id}, "does not verify"),
        ({}, "does not verify"),
    ):
        with pytest.raises(RequestError, match=reason):
            await client.validate(str(forged.but(header=header)), "db")
