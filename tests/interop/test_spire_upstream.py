"""A real SPIRE below another CA: SVIDs come with intermediates, and bundles have the root alone."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support import needs, spire_upstream
from support.ca import TestCa
from support.eventually import wait_until
from support.file_watch import file, spiffe_id
from support.spire import SpireAgent
from support.spire_partner import STOCK, Shop, Stock, authorities, federating

from accredit.identity.bundle import encode_bundle

Pair = tuple[Shop, Stock]


@pytest.fixture
def signer() -> TestCa:
    return TestCa("stock.example", now=datetime.now(UTC)).intermediate()


@pytest.fixture
def pair(tmp_path: Path, signer: TestCa) -> Iterator[Pair]:
    needs.spire()
    with federating(tmp_path, upstream=spire_upstream.plugin(tmp_path, signer)) as found:
        yield found


def test_a_bundle_endpoint_is_believed_by_the_root_above_its_intermediates(
    pair: Pair, signer: TestCa
) -> None:
    shop, _ = pair
    root = base64.b64encode(signer.root.public_bytes(Encoding.DER)).decode()
    assert authorities(shop.knows())[0] == {root}
    # Of the same name, but this one has signed nothing there.
    other = shop.folder / "other.json"
    other.write_bytes(encode_bundle(TestCa("stock.example", now=datetime.now(UTC)).bundle()))

    def is_refused() -> bool:
        if shop.has_fetched():
            shop.operator("bundle", "set", "stock.example", other)
        return "not a valid X.509-SVID" in str(shop.relationship()["error"])

    wait_until(is_refused, 60, shop.relationship)


def test_intermediates_stand_behind_the_certificate_and_not_among_the_roots(
    pair: Pair, signer: TestCa, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with SpireAgent(tmp_path / "agent", pair[1]).running() as agent:
        agent.create("/api")
        done = file("once", "--profile=pem", "--dir", out, f"--socket=unix://{agent.socket}")
    assert (done.returncode, done.stderr) == (0, "")
    assert spiffe_id(out) == f"{STOCK}/api"
    chain = _certificates(out / "tls.crt")
    assert (len(chain), chain[2]) == (3, signer.certificate)
    assert _certificates(out / "ca.crt") == [signer.root]
    assert _is_verified(out, "-untrusted", out / "tls.crt")
    assert not _is_verified(out)


def _is_verified(folder: Path, *further: str | Path) -> bool:
    """Tell whether OpenSSL believes the certificate alone, or with what is given further."""
    openssl = needs.program("openssl", apt="openssl")
    command = [openssl, "verify", "-CAfile", folder / "ca.crt", *further, folder / "tls.crt"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _certificates(file: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(file.read_bytes())
