"""Who does not get through a sidecar that allows one caller."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import needs, sidecar_pair
from support.agent_process import AgentProcess
from support.sidecar_pair import CALLER, SERVER, TRUST_DOMAIN, Pair

from accredit.identity import keys
from accredit.identity.spiffe_id import SpiffeId
from accredit.identity.x509_issue import build_leaf, build_root
from accredit.identity.x509_svid import X509Svid

_CONFIG = """
trust_domain: td.example
attestation: {unix: {discover_path: true}}
"""


@pytest.fixture
def world(folder: Path) -> Iterator[tuple[AgentProcess, Pair]]:
    needs.envoy()
    entries = sidecar_pair.entries(folder, "1h")
    # The test itself is a workload of the same trust domain, under a name that is not allowed.
    entries += f'  - {{id: /other, selectors: ["unix:path:{Path(sys.executable).resolve()}"]}}\n'
    agent = AgentProcess(folder, _CONFIG + entries)
    with (
        agent.running(),
        sidecar_pair.running(folder, agent.socket, lifetime=timedelta(minutes=5)) as pair,
    ):
        yield agent, pair


def _get(port: int, certificate: Path | None, headers: dict[str, str] | None = None) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
    try:
        connection.request("GET", "/", headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def _self_made(folder: Path, spiffe_id: SpiffeId) -> Path:
    now = datetime.now(UTC)
    begin, end = now - timedelta(minutes=1), now + timedelta(hours=1)
    ca_key, key = (keys.generate(keys.KeyType.EC_P256) for _ in range(2))
    root = build_root(spiffe_id.trust_domain, ca_key, not_before=begin, not_after=end)
    leaf = build_leaf(
        spiffe_id, key.public_key(), issuer=root, issuer_key=ca_key, not_before=begin, not_after=end
    )
    svid = X509Svid(spiffe_id, (leaf,), key)
    file = folder / "self-made.pem"
    file.write_bytes(svid.chain_pem + svid.key_pem)
    return file


def test_only_the_allowed_caller_gets_through(
    folder: Path, world: tuple[AgentProcess, Pair]
) -> None:
    agent, pair = world
    plain = http.client.HTTPConnection("127.0.0.1", pair.port, timeout=30)
    # A forged header on the way in is thrown away; the app is told the truth.
    forged = {"x-forwarded-client-cert": f"URI={SERVER}"}
    plain.request("GET", "/", headers=forged)
    answer = plain.getresponse()
    body = json.loads(answer.read())
    plain.close()
    assert (answer.status, body["caller"]) == (200, str(CALLER))

    with pytest.raises((ssl.SSLError, ConnectionError)):
        _get(pair.mtls.port, None)
    for claimed in (CALLER, SpiffeId.parse("spiffe://elsewhere.example/caller")):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _get(pair.mtls.port, _self_made(folder, claimed))

    written = folder / "other"
    fetch = ("api", "fetch", "x509", "--socket", f"unix://{agent.socket}", "--write", written)
    agent.command(*fetch)
    other = folder / "other.pem"
    other.write_bytes(b"".join(part.read_bytes() for part in sorted(written.glob("svid.0.*"))))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _get(pair.mtls.port, other)

    with socket.create_connection(("127.0.0.1", pair.mtls.port), 30) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" not in raw.recv(100)


def test_openssl_sees_the_servers_identity_and_verifies_it(
    folder: Path, world: tuple[AgentProcess, Pair]
) -> None:
    agent, pair = world
    openssl = needs.program("openssl", apt="openssl")
    roots = folder / "roots.pem"
    roots.write_text(agent.command("bundle", "show", "-c", agent.config, "--format", "pem"))
    shown = subprocess.run(
        [openssl, "s_client", "-connect", f"127.0.0.1:{pair.mtls.port}", "-CAfile", roots],
        input=b"",
        capture_output=True,
        check=False,
        timeout=60,
    ).stdout.decode()
    assert "Verify return code: 0 (ok)" in shown
    text = subprocess.run(
        [openssl, "x509", "-noout", "-ext", "subjectAltName"],
        input=shown.encode(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert f"URI:{TRUST_DOMAIN.id}/server" in text
