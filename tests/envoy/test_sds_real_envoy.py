"""What a real Envoy says to what we send, over both kinds of stream."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import gcd
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support import needs
from support.ca import TestCa
from support.certificate import LEAF
from support.entries import entry
from support.envoy_process import EnvoyProcess
from support.eventually import eventually
from support.scripted_identities import ScriptedIdentities
from support.serving import serving
from support.sidecar_pair import free_port
from support.snapshots import snapshot

from accredit.envoy.peers import Peer, Rule
from accredit.envoy.sidecar import Endpoint, Inbound, Sidecar
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_svid import X509Svid
from accredit.rotation.clock import SystemClock
from accredit.rotation.snapshot import Identity, Snapshot
from accredit.sds_server.service import SecretDiscovery
from accredit.sds_server.settings import SdsSettings, Withdrawn

pytestmark = pytest.mark.envoy

API = entry("/api")
API_ID = str(API.spiffe_id)
ROOTS = "spiffe://prod.example"


def with_svid(state: Snapshot, svid: X509Svid) -> Snapshot:
    return replace(state, identities=(Identity(API, svid, ""),), _wire={})


def unloadable(ca: TestCa) -> X509Svid:
    """Return an SVID that is valid by every rule, with a key that BoringSSL refuses to load.

    Its RSA exponent has more than 33 bits.
    """
    now = datetime.now(UTC)
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    p, q = numbers.p, numbers.q
    exponent = next(e for e in range((1 << 40) + 1, 1 << 41, 2) if gcd(e, (p - 1) * (q - 1)) == 1)
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    crt = (d % (p - 1), d % (q - 1), pow(q, -1, p))
    key = rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()
    hour = timedelta(hours=1)
    template = replace(LEAF, uris=[API_ID], not_before=now - hour / 2, not_after=now + hour / 2)
    leaf = template.sign(key.public_key(), ca.certificate.subject, ca.key)
    return X509Svid(SpiffeId.parse(API_ID), (leaf,), key)


@dataclass
class World:
    """One Envoy and the service it asks."""

    envoy: EnvoyProcess
    service: SecretDiscovery
    identities: ScriptedIdentities
    port: Endpoint

    def line(self, name: str) -> dict[str, Any]:
        connections: Any = self.service.ledger.describe()["connections"]
        lines = [line for each in connections for line in each["secrets"]]
        return next((dict(line) for line in lines if line["name"] == name), {})

    async def serial(self) -> str:
        return await asyncio.to_thread(self.envoy.serial)

    async def stats(self, regex: str) -> dict[str, int]:
        return await asyncio.to_thread(self.envoy.stats, regex)


@asynccontextmanager
async def world(
    folder: Path, first: Snapshot, *, delta: bool, settings: SdsSettings | None = None
) -> AsyncGenerator[World, None]:
    needs.envoy()
    clock, identities, port = SystemClock(), ScriptedIdentities(first), free_port()
    service = SecretDiscovery(identities, settings, clock)
    (folder / "envoy").mkdir()
    sidecar = Sidecar(
        name="sidecar-1",
        socket=str(folder / "api.sock"),
        admin_socket=str(folder / "envoy/admin.sock"),
        spiffe_id=API.spiffe_id,
        inbound=(
            Inbound(listen=port, app=free_port(), allow=(Rule((Peer.exactly(API.spiffe_id),)),)),
        ),
        delta=delta,
    )
    try:
        async with serving(folder / "api.sock", clock, service):
            with EnvoyProcess(folder / "envoy", sidecar).running() as envoy:
                yield World(envoy, service, identities, port)
    finally:
        clock.close()


async def until_serial(of: World, svid: X509Svid) -> None:
    async with asyncio.timeout(30):
        while (await of.serial()).lstrip("0") != svid.serial:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("delta", [False, True], ids=["GRPC", "DELTA_GRPC"])
async def test_a_refused_secret_is_seen_counted_not_sent_again_and_the_last_good_restored(
    folder: Path, delta: bool
) -> None:
    ca, other = (TestCa("prod.example", now=datetime.now(UTC)) for _ in range(2))
    good = snapshot(ca, API)
    async with world(folder, good, delta=delta) as it:
        await until_serial(it, good.identities[0].svid)
        await eventually(lambda: it.line(API_ID).get("state") == "accepted")
        first = it.line(API_ID)

        bad = with_svid(good, unloadable(ca))
        it.identities.publish(bad)
        await eventually(lambda: it.service.ledger.counters.nacks)
        await eventually(lambda: it.line(API_ID)["state"] == "accepted")
        after = it.line(API_ID)
        assert (after["nacks"], after["pushes"]) == (1, 3)
        assert after["version"] == first["version"]
        assert after["refusal"].startswith("Failed to load")
        assert (await it.serial()).lstrip("0") == first["serial"]
        (refusal,) = it.service.ledger.totals.refusals
        assert refusal.serial == bad.identities[0].svid.serial
        assert refusal.node == "sidecar-1"

        # Had the good one not been restored, this would be refused with the bad one's error.
        both = replace(bad, bundles=snapshot(ca, API, bundle=_both(ca, other)).bundles, _wire={})
        it.identities.publish(both)
        await eventually(lambda: it.line(ROOTS)["pushes"] == 2)
        await eventually(lambda: it.line(ROOTS)["state"] == "accepted")
        assert it.line(API_ID)["pushes"] == 3

        newest = with_svid(both, ca.svid(API_ID))
        it.identities.publish(newest)
        await until_serial(it, newest.identities[0].svid)
        await eventually(lambda: it.line(API_ID)["state"] == "accepted")
        assert it.service.ledger.counters.nacks == 1
        rejected = await it.stats("update_rejected")
        assert sum(rejected.values()) == 1


@pytest.mark.parametrize("delta", [False, True], ids=["GRPC", "DELTA_GRPC"])
async def test_a_parked_envoy_is_not_ready_and_becomes_so_with_its_identity(
    folder: Path, delta: bool
) -> None:
    ca = TestCa("prod.example", now=datetime.now(UTC))
    async with world(folder, snapshot(ca), delta=delta) as it:
        for name in (API_ID, ROOTS):
            await eventually(lambda name=name: it.line(name).get("state") == "parked")  # type: ignore[misc]
        assert not await asyncio.to_thread(lambda: it.envoy.ready)
        granted = snapshot(ca, API)
        it.identities.publish(granted)
        await asyncio.to_thread(it.envoy.wait_until_ready)
        await until_serial(it, granted.identities[0].svid)


@pytest.mark.parametrize("delta", [False, True], ids=["GRPC", "DELTA_GRPC"])
@pytest.mark.parametrize("withdrawn", Withdrawn)
async def test_a_withdrawn_identity_is_kept_or_cut(
    folder: Path, delta: bool, withdrawn: Withdrawn
) -> None:
    ca = TestCa("prod.example", now=datetime.now(UTC))
    first = snapshot(ca, API)
    settings = SdsSettings(withdrawn=withdrawn)
    async with world(folder, first, delta=delta, settings=settings) as it:
        await asyncio.to_thread(it.envoy.wait_until_ready)
        assert await _admitted(it.port, first.identities[0].svid, folder)
        it.identities.publish(snapshot(ca))
        await eventually(lambda: it.line(API_ID)["state"] == "withdrawn")
        # What is cut is replaced, and comes back; what is kept stays as it is.
        cut = withdrawn is Withdrawn.CUT
        await eventually(lambda: it.line(ROOTS)["acks"] == 1 + cut)
        kept = await _admitted(it.port, first.identities[0].svid, folder)
        assert kept is (withdrawn is Withdrawn.KEEP)
        # It is no one-way street.
        it.identities.publish(again := snapshot(ca, API))
        await until_serial(it, again.identities[0].svid)
        await eventually(lambda: it.line(ROOTS)["acks"] == 1 + 2 * cut)
        assert await _admitted(it.port, first.identities[0].svid, folder)
        assert it.service.ledger.counters.nacks == 0


def _both(ca: TestCa, other: TestCa) -> Any:
    return replace(ca.bundle(), x509_authorities=(ca.root, other.root))


async def _admitted(port: Endpoint, svid: X509Svid, folder: Path) -> bool:
    """Tell whether a new connection with ``svid`` gets as far as HTTP."""
    pem = folder / "client.pem"
    pem.write_bytes(svid.chain_pem + svid.key_pem)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(pem)
    try:
        reader, writer = await asyncio.open_connection(port.host, port.port, ssl=context)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = await reader.readline()
        writer.close()
    except (ssl.SSLError, ConnectionError):
        return False
    return answer.startswith(b"HTTP/1.1")
