"""A partner's new root, and its end, in every delivery of a real agent: one message each."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from support.agent_process import AgentProcess
from support.bundle_endpoint import document, endpoint, says, server_context
from support.ca import TestCa
from support.eventually import eventually
from support.federating import PARTNER, SERVER
from support.federating_agent import FEDERATION, client_of, write_bootstrap
from support.token import Token
from support.unix_http import get

from accredit.agent.client import JWT_BUNDLES, X509_BUNDLES, X509_CONTEXT
from accredit.agent.sds_client import SdsClient
from accredit.agent.sds_dialect import Question, Update
from accredit.agent.sds_reading import ValidationContext
from accredit.identity.errors import AccreditError
from accredit.identity.trust_bundle import TrustBundle
from accredit.rotation.clock import SystemClock
from accredit.workload_api.endpoint import UnixEndpoint

_PATIENCE = 60
_CONFIG = f"""\
trust_domain: prod.example
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
    federates_with: [partner.example]
  - {{id: /web, selectors: ["output:web"], federates_with: [partner.example]}}
outputs:
  - {{name: web, profile: pem, folder: web}}
"""

Keys = frozenset[str]


def x509_keys(bundle: TrustBundle | None) -> Keys:
    return (
        frozenset(f"{each.serial_number:x}" for each in bundle.x509_authorities)
        if bundle
        else Keys()
    )


def jwt_keys(bundle: TrustBundle | None) -> Keys:
    return frozenset(each.key_id for each in bundle.jwt_authorities) if bundle else Keys()


def sds_keys(update: Update) -> Keys:
    """Return the partner's roots in a message about one name."""
    assert not update.problem
    [secret] = update.secrets
    assert isinstance(secret.content, ValidationContext)
    found = dict(secret.content.authorities)
    return frozenset(each.serial for each in found.get("partner.example", ()))


@dataclass
class Streams:
    """``heard`` are the partner's keys in each message of each stream so far."""

    agent: AgentProcess
    clock: SystemClock
    heard: dict[str, list[Keys]] = field(default_factory=dict)

    def open(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        where = UnixEndpoint(str(self.agent.socket))
        api = client_of(self.agent, self.clock)
        streams: dict[str, tuple[Any, Callable[[Any], Keys]]] = {
            "X.509 context": (
                api.watch(X509_CONTEXT),
                lambda held: x509_keys(held.material.bundles.bundles.get(PARTNER)),
            ),
            "X.509 bundles": (
                api.watch(X509_BUNDLES),
                lambda held: x509_keys(held.material.bundles.get(PARTNER)),
            ),
            "JWT bundles": (
                api.watch(JWT_BUNDLES),
                lambda held: jwt_keys(held.material.bundles.get(PARTNER)),
            ),
        }
        for name in ("ALL", "spiffe://partner.example"):
            for delta in (False, True):
                client = SdsClient(where, self.clock, Question((name,), "envoy", delta=delta))
                streams[f"SDS {name} {delta=}"] = client.updates(), sds_keys
        self.heard = {name: [] for name in streams}
        return [group.create_task(self._listen(name, *stream)) for name, stream in streams.items()]

    async def _listen(self, name: str, stream: Any, keys: Callable[[Any], Keys]) -> None:
        async with aclosing(stream) as messages:
            async for message in messages:
                self.heard[name].append(keys(message))

    async def all_heard(self, *bundles: TrustBundle | None) -> None:
        """Wait until every stream has had a message of each bundle, and require no other."""
        await eventually(
            lambda: all(len(each) >= len(bundles) for each in self.heard.values()), _PATIENCE
        )
        for name, heard in self.heard.items():
            keys = jwt_keys if name == "JWT bundles" else x509_keys
            assert heard == [keys(bundle) for bundle in bundles], name


@asynccontextmanager
async def listening(agent: AgentProcess) -> AsyncIterator[Streams]:
    async with AsyncExitStack() as stack:
        clock = stack.enter_context(closing(SystemClock()))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        streams = Streams(agent, clock)
        tasks = streams.open(group)
        yield streams
        for task in tasks:
            task.cancel()


def in_files(agent: AgentProcess) -> Keys:
    path = agent.folder / "web/ca-partner.example.crt"
    if not path.exists():
        return frozenset()
    found = x509.load_pem_x509_certificates(path.read_bytes())
    return frozenset(f"{each.serial_number:x}" for each in found)


def in_key_sets(agent: AgentProcess) -> Keys:
    status, body = get(agent.socket.parent / "jwks.sock", "/partner.example")
    return frozenset(each["kid"] for each in json.loads(body)["keys"]) if status == 200 else Keys()


async def vouches(streams: Streams, ca: TestCa) -> bool:
    """Tell whether the agent takes a token of a workload that an authority has signed."""
    claims = {"sub": "spiffe://partner.example/db", "aud": "me"}
    token = Token(ca.jwt_key, {"kid": ca.jwt_authority.key_id}, claims, now=streams.clock.now())
    client = client_of(streams.agent, streams.clock)
    try:
        return str((await client.validate(str(token), "me")).spiffe_id) == claims["sub"]
    except AccreditError:
        return False


@pytest.mark.rows("FC-31", "FC-32", "FC-33")
async def test_a_partners_new_keys_and_its_end_reach_everybody_in_one_message(
    tmp_path: Path,
) -> None:
    old, new = (TestCa(PARTNER, now=datetime.now(UTC)) for _ in range(2))
    one = old.bundle(sequence=1, refresh_hint=timedelta(seconds=1))
    two = replace(
        one,
        x509_authorities=(old.root, new.root),
        jwt_authorities=(old.jwt_authority, new.jwt_authority),
        sequence=2,
    )
    write_bootstrap(tmp_path, one)
    context = server_context(tmp_path, old.issue(SERVER))
    async with endpoint(context, says(document(one))) as server:
        agent = AgentProcess(tmp_path, _CONFIG + FEDERATION.format(url=server.url()))
        await asyncio.to_thread(agent.start)
        try:
            async with listening(agent) as streams:
                await streams.all_heard(one)
                assert await vouches(streams, old)
                assert not await vouches(streams, new)
                server.talk = says(document(two))
                await streams.all_heard(one, two)
                assert await vouches(streams, new)
                assert in_key_sets(agent) == jwt_keys(two)
                await eventually(lambda: in_files(agent) == x509_keys(two), _PATIENCE)
                agent.config.write_text(agent.config.read_text().partition("federation:")[0])
                await streams.all_heard(one, two, None)
                assert not await vouches(streams, new)
                assert in_key_sets(agent) == Keys()
                await eventually(lambda: not in_files(agent), _PATIENCE)
        finally:
            await asyncio.to_thread(agent.kill)
