from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from support import keytool, needs
from support.ca import TestCa
from support.file_sets import PASSWORD

from accredit.file_output.formats.pkcs12 import keystore, truststore
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.keys import KeyType, load_pkcs8

CA = TestCa()
SECOND = TestCa()
MIDDLE = CA.intermediate()
KINDS = [KeyType.EC_P256, KeyType.RSA_2048]


def fingerprints(*certificates: x509.Certificate) -> tuple[str, ...]:
    return tuple(each.fingerprint(SHA256()).hex() for each in certificates)


def openssl(folder: Path, data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    file = folder / "store.p12"
    file.write_bytes(data)
    program = needs.program("openssl", apt="openssl")
    command: list[str | Path] = [program, "pkcs12", "-in", file, "-nodes", *arguments]
    return subprocess.run(command, check=False, capture_output=True)


@pytest.mark.parametrize("kind", KINDS)
def test_openssl_reads_chain_and_key(tmp_path: Path, kind: KeyType) -> None:
    svid = MIDDLE.svid(kind=kind)
    read = openssl(tmp_path, keystore(svid, PASSWORD).data, "-passin", f"pass:{PASSWORD}")
    assert read.returncode == 0, read.stderr
    assert x509.load_pem_x509_certificates(read.stdout) == list(svid.chain)
    key = read.stdout[read.stdout.index(b"-----BEGIN PRIVATE KEY") :]
    assert load_pkcs8(key).public_key() == svid.leaf.public_key()


def test_openssl_refuses_another_password(tmp_path: Path) -> None:
    read = openssl(tmp_path, keystore(CA.svid(), PASSWORD).data, "-passin", "pass:opensesame")
    assert read.returncode != 0


def test_without_a_password_openssl_reads_it_with_an_empty_one(tmp_path: Path) -> None:
    svid = CA.svid()
    read = openssl(tmp_path, keystore(svid, "").data, "-passin", "pass:")
    assert x509.load_pem_x509_certificates(read.stdout) == list(svid.chain)


@pytest.mark.parametrize("kind", KINDS)
def test_java_finds_one_key_with_its_chain(kind: KeyType) -> None:
    svid = MIDDLE.svid(kind=kind)
    (entry,) = keytool.list_entries(keystore(svid, PASSWORD).data, PASSWORD, "PKCS12")
    assert entry == keytool.Entry("svid", "PrivateKeyEntry", fingerprints(*svid.chain))


def test_java_finds_all_roots_in_the_truststore_and_nothing_else() -> None:
    bundle = TrustBundle(CA.trust_domain, (CA.root, SECOND.root))
    entries = keytool.list_entries(truststore(bundle, PASSWORD).data, PASSWORD, "PKCS12")
    assert sorted(entries, key=lambda entry: entry.alias) == [
        keytool.Entry("td.example-1", "trustedCertEntry", fingerprints(CA.root)),
        keytool.Entry("td.example-2", "trustedCertEntry", fingerprints(SECOND.root)),
    ]


def test_an_empty_truststore_is_refused() -> None:
    with pytest.raises(BundleError, match=r"no X\.509 authority"):
        truststore(TrustBundle(CA.trust_domain), PASSWORD)
