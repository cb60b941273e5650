"""What a real Envoy says to the bootstraps of the corpus: nothing, which is the trap."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from support import needs
from support.bootstraps import BAD, FIXABLE, GOOD, Sample
from support.ca import TestCa

from accredit.envoy.lint.fix import fix
from accredit.identity.keys import to_pkcs8_pem

pytestmark = pytest.mark.envoy
_SECRETS = """\
resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: {name}
  {content}
"""
_CERTIFICATE = (
    "tls_certificate: {certificate_chain: {filename: cert.pem}, private_key: {filename: key.pem}}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the bootstraps name."""
    folder = tmp_path_factory.mktemp("lint")
    now = datetime.now(UTC)
    ca = TestCa("prod.example", now=now)
    issued = ca.issue("spiffe://prod.example/ns/web")
    revoked = x509.CertificateRevocationListBuilder(
        ca.certificate.subject, now, now + timedelta(days=1)
    ).sign(ca.key, hashes.SHA256())
    (folder / "roots.pem").write_bytes(ca.certificate.public_bytes(Encoding.PEM))
    (folder / "cert.pem").write_bytes(issued.leaf.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(to_pkcs8_pem(issued.key))
    (folder / "revoked.pem").write_bytes(revoked.public_bytes(Encoding.PEM))
    (folder / "ticket.key").write_bytes(bytes(80))
    (folder / "bundles.json").write_text('{"trust_domains": {}}')
    (folder / "certificate.yaml").write_text(_SECRETS.format(name="default", content=_CERTIFICATE))
    roots = "validation_context: {trusted_ca: {filename: roots.pem}}"
    (folder / "roots.yaml").write_text(_SECRETS.format(name="roots", content=roots))
    return folder


def _validate(folder: Path, text: str, ending: str = ".yaml") -> subprocess.CompletedProcess[bytes]:
    file = folder / f"bootstrap{ending}"
    file.write_text(text)
    command: list[str | Path] = [needs.envoy(), "--mode", "validate", "-c", file.name]
    return subprocess.run(command, check=False, capture_output=True, cwd=folder, timeout=50)


def _verdict(folder: Path, text: str) -> str:
    code = _validate(folder, text).returncode
    return "accepts" if code == 0 else "refuses" if code > 0 else "crashes"


@pytest.mark.parametrize("sample", [*BAD, *FIXABLE], ids=str)
def test_a_bad_bootstrap_is_accepted_unless_it_says_otherwise(sample: Sample, folder: Path) -> None:
    assert _verdict(folder, sample.text) == sample.verdict.partition(":")[0]


@pytest.mark.parametrize("sample", GOOD, ids=str)
def test_a_good_bootstrap_is_accepted(sample: Sample, folder: Path) -> None:
    done = _validate(folder, sample.text, sample.path.suffix)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.mark.parametrize("sample", [*BAD, *FIXABLE], ids=str)
def test_what_was_accepted_is_accepted_when_it_has_been_fixed(sample: Sample, folder: Path) -> None:
    fixed = fix(sample.text, "f.yaml").text
    if fixed != sample.text and sample.verdict == "accepts":
        done = _validate(folder, fixed)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
