"""What others make of the document that a real agent serves."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import needs
from support.agent_process import AgentProcess
from support.endpoint_visitors import curl
from support.ports import free_port

_PROGRAM = Path(__file__).with_name("bundle_program.py")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AgentProcess, int]]:
    port = free_port()
    config = f"""\
trust_domain: prod.example
federation: {{endpoint: {{listen: "127.0.0.1:{port}", profile: https_spiffe}}}}
entries:
  - {{id: /me, selectors: ["unix:uid:{os.geteuid()}"]}}
"""
    found = AgentProcess(tmp_path_factory.mktemp("agent"), config)
    with found.running():
        # Two roots and two keys, as in the middle of a rotation.
        found.command("ca", "rotate", "-c", found.config)
        yield found, port


def document(port: int) -> str:
    return curl(f"https://127.0.0.1:{port}/").body.decode()


@pytest.mark.interop
@pytest.mark.rows("BE-16", "BE-17", "BE-15")
def test_py_spiffe_reads_the_keys_and_verifies_a_token_with_them(
    agent: tuple[AgentProcess, int],
) -> None:
    running, port = agent
    where = f"--socket=unix://{running.socket}"
    fetched = running.command("api", "fetch", "jwt", "--audience=db", "--output=json", where)
    token = json.loads(fetched)["svids"][0]["svid"]
    given = {"document": document(port), "trust_domain": "prod.example", "token": token}
    done = subprocess.run(
        [needs.interop_python(), _PROGRAM],
        input=json.dumps(given),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["uses"] == ["jwt-svid", "x509-svid"]
    assert (len(found["key_ids"]), found["roots"]) == (2, 2)
    assert found["token_of"] == "spiffe://prod.example/me"


@pytest.mark.rows("FS-11", "BE-20")
def test_openssl_verifies_the_server_with_the_roots_that_it_serves(
    agent: tuple[AgentProcess, int], tmp_path: Path
) -> None:
    _, port = agent
    roots = tmp_path / "roots.pem"
    entries = json.loads(document(port))["keys"]
    der = [base64.b64decode(each["x5c"][0], validate=True) for each in entries if "x5c" in each]
    assert len(der) == 2
    roots.write_bytes(b"".join(_pem(each) for each in der))
    openssl = needs.program("openssl", apt="openssl")
    verifying = ("-CAfile", roots, "-verify_return_error", "-x509_strict", "-purpose", "sslserver")
    done = subprocess.run(
        [openssl, "s_client", "-connect", f"127.0.0.1:{port}", *verifying],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert b"Verify return code: 0 (ok)" in done.stdout, done.stderr.decode()
    for each in der:
        alone = tmp_path / "root.pem"
        alone.write_bytes(_pem(each))
        subprocess.run([openssl, "verify", "-x509_strict", "-CAfile", alone, alone], check=True)


def _pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
