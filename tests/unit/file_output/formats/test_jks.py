from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs12
from support import keytool
from support.ca import TestCa
from support.file_sets import PASSWORD

from accredit.file_output.formats.jks import keystore, truststore
from accredit.identity.bundle import TrustBundle
from accredit.identity.errors import BundleError
from accredit.identity.keys import KeyType

CA = TestCa()
SECOND = TestCa()
MIDDLE = CA.intermediate()
KINDS = [KeyType.EC_P256, KeyType.RSA_2048]


def fingerprints(*certificates: x509.Certificate) -> tuple[str, ...]:
    return tuple(each.fingerprint(SHA256()).hex() for each in certificates)


@pytest.mark.parametrize("kind", KINDS)
def test_java_finds_one_key_with_its_chain_and_can_decrypt_it(kind: KeyType) -> None:
    svid = MIDDLE.svid(kind=kind)
    data = keystore(svid, PASSWORD).data
    (entry,) = keytool.list_entries(data, PASSWORD, "JKS")
    assert entry == keytool.Entry("svid", "PrivateKeyEntry", fingerprints(*svid.chain))
    moved = keytool.private_key_to_pkcs12(data, PASSWORD, "JKS")
    key, leaf, _ = pkcs12.load_key_and_certificates(moved, PASSWORD.encode())
    assert key is not None
    assert key.public_key() == svid.leaf.public_key()
    assert leaf == svid.leaf


def test_java_finds_all_roots_in_the_truststore_and_nothing_else() -> None:
    bundle = TrustBundle(CA.trust_domain, (CA.root, SECOND.root))
    entries = keytool.list_entries(truststore(bundle, PASSWORD).data, PASSWORD, "JKS")
    assert sorted(entries, key=lambda entry: entry.alias) == [
        keytool.Entry("td.example-1", "trustedCertEntry", fingerprints(CA.root)),
        keytool.Entry("td.example-2", "trustedCertEntry", fingerprints(SECOND.root)),
    ]


def test_an_empty_truststore_is_refused() -> None:
    with pytest.raises(BundleError, match=r"no X\.509 authority"):
        truststore(TrustBundle(CA.trust_domain), PASSWORD)


_WITHOUT = """
import sys
sys.modules["jks"] = None
from accredit.file_output.formats import jks
from accredit.identity.errors import UnimplementedError
try:
    jks.keystore(None, "changeit")
except UnimplementedError as error:
    print(error)
"""


def test_without_the_library_the_command_that_installs_it_is_told() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _WITHOUT], check=True, capture_output=True, text=True
    )
    assert found.stdout.startswith("JKS needs a library: pip install 'accredit[jks]'")


def test_the_library_is_imported_only_when_it_is_used() -> None:
    code = "import sys, accredit.file_output.render; print('jks' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "False\n"
