"""Callers without a sidecar: a test with what SPIRE gives it, or with what it makes itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from accredit.identity.spiffe_id import SpiffeId
from support.ca import TestCa
from support.spire import SpireAgent

THIS_PROGRAM = f"unix:path:{Path(sys.executable).resolve()}"


def fetched(agent: SpireAgent, folder: Path) -> Path:
    """Return a file with the certificate and key that SPIRE gives to the test itself."""
    written = folder / "written"
    fetch = ("api", "fetch", "x509", "--socket", f"unix://{agent.socket}", "--write", written)
    subprocess.run([sys.executable, "-m", "accredit", *fetch], check=True, capture_output=True)
    (chain,), (key,) = written.glob("svid.*.pem"), written.glob("svid.*.key")
    file = folder / "fetched.pem"
    file.write_bytes(chain.read_bytes() + key.read_bytes())
    return file


def made(authority: TestCa, folder: Path, spiffe_id: SpiffeId | str) -> Path:
    """Return the same as a test's own authority makes it."""
    svid = authority.svid(spiffe_id)
    file = folder / f"{authority.trust_domain}.pem"
    file.write_bytes(svid.chain_pem + svid.key_pem)
    return file


def token(agent: SpireAgent, *audience: str) -> str:
    """Return the JWT-SVID that SPIRE gives to the test itself."""
    fetch = ("api", "fetch", "jwt", "--socket", f"unix://{agent.socket}", "--output", "json")
    asked = (f"--audience={each}" for each in audience)
    command = [sys.executable, "-m", "accredit", *fetch, *asked]
    answer = subprocess.run(command, check=True, capture_output=True)
    (svid,) = json.loads(answer.stdout)["svids"]
    return str(svid["svid"])
